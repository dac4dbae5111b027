/**
 * What the JSON array cutter guarantees. JSON.parse is the model: read as latin1, a body is its bytes, so the two must
 * agree on every input, broken UTF-8 included; only the byte order mark and a repeated envelope key differ by design.
 */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AppError } from '#errors';
import { createJsonArrayCutter } from './json-array';

const BOM = '\ufeff';
const OPTIONS = { envelope: 'users', missing: 'missing_users' } as const;

/** The elements' texts, one byte a character; or the code of the error. `sizes` of chunks are used in turn. */
function cut(body: Buffer | string, sizes: number[] = [65_536]): string[] | string {
  try {
    return cutOrThrow(Buffer.from(body), sizes);
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

function cutOrThrow(bytes: Buffer, sizes: number[]): string[] {
  const elements: string[] = [];
  const emit = (raw: Buffer, line: number | null) => {
    if (line !== null) throw new Error('An element has no line.');
    elements.push(raw.toString('latin1'));
  };
  const cutter = createJsonArrayCutter(OPTIONS);
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    const original = bytes.subarray(at, at + size);
    const chunk = Buffer.from(original);
    cutter.push(chunk, emit);
    // The cutter must not have written to the chunk, and must not look at it any more.
    if (!chunk.equals(original)) throw new Error('The chunk was written to.');
    chunk.fill(0);
    at += size;
  }
  cutter.end(emit);
  return elements;
}

function detailsOf(body: string): string {
  try {
    cutOrThrow(Buffer.from(body), [65_536]);
  } catch (error) {
    if (error instanceof AppError) return error.details;
  }
  return 'no error';
}

/** What JSON.parse makes of the same bytes: the elements' values, or the code of the error. */
function model(body: Buffer): unknown[] | string {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('latin1'));
  } catch {
    return 'invalid_json';
  }
  if (Array.isArray(value)) return value;
  const isObject = typeof value === 'object' && value !== null && Object.hasOwn(value, 'users');
  const users = isObject ? (value as { users: unknown }).users : undefined;
  return Array.isArray(users) ? users : 'missing_users';
}

function expectAsModel(body: Buffer, sizes?: number[]): void {
  const result = cut(body, sizes);
  const values = typeof result === 'string' ? result : result.map((text) => JSON.parse(text));
  expect(values).toEqual(model(body));
}

function latin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}

const chunkSizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 });
const anyText = fc.string({ unit: 'grapheme' });

describe('elements', () => {
  it('are the texts of the values, for any values in any chunks, in the envelope or bare', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue({ stringUnit: 'grapheme' })), chunkSizes, (values, sizes) => {
        const texts = values.map((value) => latin1(JSON.stringify(value)));
        expect(cut(JSON.stringify({ users: values }), sizes)).toEqual(texts);
        expect(cut(JSON.stringify(values), sizes)).toEqual(texts);
      }),
      { numRuns: 500 },
    );
  });

  it('may be values of any kind', () => {
    const texts = ['{}', '[]', '""', '"a"', '0', '-1.5e+3', 'true', 'false', 'null', '[[1],{"users":[2]}]'];
    expect(cut(`[${texts.join(',')}]`)).toEqual(texts);
    expect(cut(` { "users" : [ ${texts.join(' ,\t')} ] } `, [1])).toEqual(texts);
  });

  it('keep every byte: escapes, digits, spaces and order of keys', () => {
    const element = '{ "b":9007199254740993 ,"a":0.10,\t"\\u0061":"\\/\\ud800" , "b":1E400 }';
    expect(cut(`[  ${element}  ]`, [3])).toEqual([element]);
  });

  it('stand on one line: each line break between tokens is a space', () => {
    expect(cut('[\n{\n\t"a": [\r\n1\r,\n"\\n"]\n}\n,\r\n2\n]')).toEqual(['{ \t"a": [  1 , "\\n"] }', '2']);
  });

  it('mean the same when they came pretty-printed, in any chunks', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue({ stringUnit: 'grapheme' })), chunkSizes, (values, sizes) => {
        const expected = cut(JSON.stringify(values));
        const result = cut(JSON.stringify({ a: 1, users: values }, null, 2).replaceAll('\n', '\r\n'), sizes);
        if (typeof result === 'string') throw new Error(result);
        for (const text of result) expect(text).not.toMatch(/[\r\n]/);
        expect(result.map((text) => JSON.stringify(JSON.parse(text)))).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('are handed on with invalid UTF-8 in their strings', () => {
    expect(cut(Buffer.from('["\xff\xc3","\xed\xa0\x80"]', 'latin1'))).toEqual([
      '"\xff\xc3"',
      '"\xed\xa0\x80"',
    ]);
  });

  it('keep characters whole when every byte comes alone', () => {
    expect(cut('{"users":[{"a":"é😀\u2028"},-12.5e-7,null]}', [1])).toEqual([
      latin1('{"a":"é😀\u2028"}'),
      '-12.5e-7',
      'null',
    ]);
  });

  it('are emitted as soon as they are complete, as views on the chunk where possible', () => {
    const chunk = Buffer.from('{"users":[{"a":1},{"b"');
    const rows: Buffer[] = [];
    createJsonArrayCutter(OPTIONS).push(chunk, (raw) => rows.push(raw));
    expect(rows.map((row) => [row.toString(), row.buffer === chunk.buffer])).toEqual([['{"a":1}', true]]);
  });
});

describe('the envelope', () => {
  it('may have other keys of any value before and after', () => {
    fc.assert(
      fc.property(
        fc.dictionary(anyText, fc.jsonValue()),
        fc.dictionary(anyText, fc.jsonValue()),
        chunkSizes,
        (before, after, sizes) => {
          const entries = [
            ...Object.entries(before),
            ['users', [1, { users: [2] }]],
            ...Object.entries(after),
          ];
          const members = entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
          expect(cut(`{${members.join(',')}}`, sizes)).toEqual(['1', '{"users":[2]}']);
        },
      ),
    );
  });

  it('is found when its key is written with escapes', () => {
    for (const key of ['\\u0075sers', 'user\\u0073', '\\u0075\\u0073\\u0065\\u0072\\u0073']) {
      expect(cut(`{"${key}":[1]}`, [1])).toEqual(['1']);
    }
  });

  it('is that key exactly, at the top', () => {
    const others = ['"Users"', '"users "', '"user"', '"userss"', '"\\\\u0075sers"', '"users\\u0000"', '""'];
    for (const key of others) expect(cut(`{${key}:[1]}`)).toBe('missing_users');
    expect(cut('{"data":{"users":[1]}}')).toBe('missing_users');
    expect(cut('{"data":["users",[1],{"users":[2]}],"x":"users"}')).toBe('missing_users');
    expect(cut('{"data":{"users":[1]},"users":[{"users":[2]}]}')).toEqual(['{"users":[2]}']);
  });

  it('may come once only, whatever its values, however written', () => {
    for (const second of ['[2]', 'null', '{}']) {
      for (const key of ['users', 'user\\u0073']) {
        expect(cut(`{"users":[1],"${key}":${second}}`)).toBe('invalid_json');
        expect(cut(`{"users":${second},"a":1,"${key}":[1]}`, [1])).toBe('invalid_json');
      }
    }
    expect(detailsOf('{"users":[1],"users":[2]}')).toBe('The object has the key "users" twice.');
    expect(cut('{"a":1,"a":2,"users":[1]}')).toEqual(['1']);
  });

  it('must hold an array', () => {
    for (const value of ['null', 'true', '1', '-0', '"[1]"', '{}', '{"0":[1]}']) {
      expect(cut(`{"users":${value}}`)).toBe('missing_users');
      expect(cut(`{"users":${value},"a":[1]}`)).toBe('missing_users');
    }
  });

  it('is missing in valid JSON of any other kind', () => {
    const bodies = [
      '{}',
      '{"a":[1]}',
      'null',
      'false',
      '0',
      '-1.5',
      '12',
      '1e5',
      '"users"',
      ' 1 ',
      `${BOM}1`,
    ];
    for (const body of bodies) {
      expect(cut(body)).toBe('missing_users');
      expect(cut(body, [1])).toBe('missing_users');
    }
  });

  it('is asked for only of valid JSON: a syntax error comes first', () => {
    const bodies = [
      '{"a":1',
      '{"a":1}}',
      '{"users":{}},',
      'null null',
      '1.',
      '-',
      'tru',
      '"a',
      '{"users":1,}',
    ];
    for (const body of bodies) {
      expect(cut(body)).toBe('invalid_json');
    }
  });

  it('may be empty, which is no error here', () => {
    const bodies = ['[]', ' [ \n ] ', '{"users":[]}', '{"users" : [ ] , "a":[1]}'];
    for (const body of bodies) expect(cut(body)).toEqual([]);
  });

  it('bears the name it is given', () => {
    const run = (body: string) => {
      const cutter = createJsonArrayCutter({ envelope: 'companies', missing: 'missing_companies' });
      const elements: string[] = [];
      const emit = (raw: Buffer) => elements.push(raw.toString());
      cutter.push(Buffer.from(body), emit);
      cutter.end(emit);
      return elements;
    };
    expect(run('{"users":[1],"companies":[2]}')).toEqual(['2']);
    expect(() => run('{"users":[1]}')).toThrow(expect.objectContaining({ code: 'missing_companies' }));
  });
});

describe('a byte order mark', () => {
  it('is accepted as the first bytes and nowhere else', () => {
    expect(cut(`${BOM}[1]`)).toEqual(['1']);
    expect(cut(`${BOM} {"users":[1]}`, [1])).toEqual(['1']);
    const misplaced = [BOM, `${BOM}${BOM}[1]`, ` ${BOM}[1]`, `\n${BOM}[1]`, `[${BOM}1]`, `[1]${BOM}`];
    for (const body of misplaced) expect(cut(body)).toBe('invalid_json');
    for (const start of ['\xef[1]', '\xef\xbb[1]', '\xff\xfe[\0']) {
      expect(cut(Buffer.from(start, 'latin1'))).toBe('invalid_json');
    }
  });
});

describe('any bytes', () => {
  it('have the elements or the fault that JSON.parse finds after some edits of any document, in any chunks', () => {
    const value = fc.jsonValue({ stringUnit: 'binary', maxDepth: 4 });
    const document = fc.oneof(
      fc.array(value).map((values) => JSON.stringify(values)),
      fc
        .tuple(fc.array(value), value, fc.constantFrom(undefined, 1, '\t'))
        .map(([users, other, space]) => JSON.stringify({ a: other, users, b: 1 }, null, space)),
    );
    const edit = fc.record({
      place: fc.double({ min: 0, max: 1, noNaN: true }),
      remove: fc.integer({ min: 0, max: 2 }),
      insert: fc.oneof(
        fc.constantFrom(...'"\\{}[],:01-+.e \n', '', '\\u'),
        fc.constantFrom('null', 'true', '[]', '{}', '""', '"x":', '\0', '\x80', '\xff'),
      ),
    });
    fc.assert(
      fc.property(document, fc.array(edit, { maxLength: 2 }), chunkSizes, (text, edits, sizes) => {
        let body = Buffer.from(text);
        for (const { place, remove, insert } of edits) {
          const at = Math.floor(place * body.length);
          body = Buffer.concat([
            body.subarray(0, at),
            Buffer.from(insert, 'latin1'),
            body.subarray(at + remove),
          ]);
        }
        expectAsModel(body, sizes);
      }),
      { numRuns: 5_000 },
    );
  });

  it('have the elements or the fault that JSON.parse finds for any short string of its tokens', () => {
    const token = fc.constantFrom(...'{}[],:1-.e "', '"users"', '"a"', 'null');
    fc.assert(
      fc.property(fc.array(token, { maxLength: 8 }), chunkSizes, (tokens, sizes) => {
        fc.pre(tokens.filter((text) => text === '"users"').length < 2);
        expectAsModel(Buffer.from(tokens.join('')), sizes);
      }),
      { numRuns: 5_000 },
    );
  });

  it('errors say where and never quote the body', () => {
    expect(detailsOf('[1,\n secret]')).toBe('Syntax error at byte 6.');
    expect(detailsOf('{"users":["secret"')).toBe('The body ends after byte 18, before its JSON is complete.');
    expect(detailsOf('')).toBe('The body is empty.');
    expect(detailsOf('{"secret":[]}')).toBe('The object has no key "users".');
    expect(detailsOf('{"users":"secret"}')).toBe('The value of "users" is not an array.');
    expect(detailsOf('"secret"')).toBe('The body is neither an object nor an array.');
    expect(() => cutOrThrow(Buffer.from(`${' '.repeat(100)}!`), [7])).toThrow(
      expect.objectContaining({ details: 'Syntax error at byte 101.' }),
    );
  });
});

describe('size', () => {
  it('of nesting has no limit: 1,000,000 arrays, with objects among them, take linear time', () => {
    const depth = 1_000_000;
    const nested = `${'[{"a":'.repeat(depth / 2)}0${'}]'.repeat(depth / 2)}`;
    const startedAtMs = performance.now();
    expect(cut(`{"users":[${nested}]}`)).toEqual([nested]);
    expect(cut(`{"a":${nested},"users":[1]}`)).toEqual(['1']);
    expect(cut(`{"users":[${nested.slice(0, -1)}}]}`)).toBe('invalid_json');
    expect(cut('['.repeat(depth))).toBe('invalid_json');
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
  });

  it('of an element has no limit: 20 MB in 400,000 chunks take linear time', () => {
    const piece = Buffer.alloc(50, 'x');
    const cutter = createJsonArrayCutter(OPTIONS);
    const lengths: number[] = [];
    const emit = (raw: Buffer) => lengths.push(raw.length);
    const startedAtMs = performance.now();
    cutter.push(Buffer.from('{"users":["'), emit);
    for (let i = 0; i < 400_000; i++) cutter.push(piece, emit);
    cutter.push(Buffer.from('"]}'), emit);
    cutter.end(emit);
    expect(lengths).toEqual([20_000_002]);
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
  });
});
