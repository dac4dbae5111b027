/**
 * What the validator guarantees: it takes a stream of bytes for JSON exactly when JSON.parse does. Read as latin1, a
 * body is its bytes, so the two must agree on every input, broken UTF-8 included; only the byte order mark differs.
 */
import { describe, expect, it } from '@jest/globals';
import { AppError } from '#errors';
import { type JsonEvent, JsonSyntax } from './json-syntax';

const BOM = '\ufeff';

/** Reads the body in chunks of this size and calls back for each event with the position after it. */
function read(
  bytes: Buffer,
  size: number,
  onEvent: (event: JsonEvent, end: number) => void,
  depth = -1,
): void {
  const syntax = new JsonSyntax();
  syntax.watchedDepth = depth;
  for (let from = 0; from < bytes.length; from += size) {
    const chunk = bytes.subarray(from, from + size);
    for (let at = 0; ; ) {
      at = syntax.advance(chunk, at);
      if (syntax.event === 'none') break;
      onEvent(syntax.event, from + at);
    }
  }
  syntax.end();
}

function accepts(body: Buffer | string, size = 65_536): boolean {
  try {
    read(Buffer.from(body), size, () => {});
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'invalid_json') return false;
    throw error;
  }
}

function parses(body: Buffer): boolean {
  try {
    JSON.parse(body.toString('latin1'));
    return true;
  } catch {
    return false;
  }
}

/** The bodies on which validator and JSON.parse differ, in one chunk and byte by byte. */
function differences(bodies: Iterable<Buffer>): string[] {
  const found: string[] = [];
  for (const body of bodies) {
    const expected = parses(body);
    if (accepts(body) !== expected || accepts(body, 1) !== expected) found.push(body.toString('latin1'));
  }
  return found;
}

function* changedByOneByte(document: Buffer): Generator<Buffer> {
  for (let at = 0; at <= document.length; at++) {
    const before = document.subarray(0, at);
    const after = document.subarray(at + 1);
    yield before;
    yield Buffer.concat([before, after]);
    for (let byte = 0; byte < 256; byte++) {
      yield Buffer.concat([before, Buffer.from([byte]), after]);
      yield Buffer.concat([before, Buffer.from([byte]), document.subarray(at)]);
    }
  }
}

describe('JSON syntax', () => {
  // biome-ignore format: a table, some of a kind to a line
  const valid = [
    '0', '-0', '10', '1.0', '0.1', '1e1', '1E+01', '0e-0', '-1.25E-3', '123456789012345678901234567890', '1e999',
    '""', '" "', '"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\u0000\\uDEAD\\uabCD"', '"\x7f\u2028é"', '"//"', '"/*"',
    'true', 'false', 'null', '[]', '{}', '[[],{}]', '{"":0}', '{"a":1,"a":1}', ' { "a" : [ 1 , 2 ] } ', '\t1\r\n',
  ];
  // biome-ignore format: a table, some of a kind to a line
  const invalid = [
    '', ' ', ',', '1,', ',1', '1,,2', '1 2', '1]', '[1', '1}', '{"a":1', '{"a":1]', '[1}', '[', '{', ']', '}',
    '01', '-01', '00', '+1', '-', '--1', '.5', '1.', '1.e1', '-.5', '1e', '1e+', '1e+-1', '1e1.5', '0x10', '1_0',
    '1a', '-a', 'NaN', '-Infinity', 'Infinity', 'undefined', 'True', 'nul', 'nulll', 'tru e', 'truefalse', 't',
    '"', '"a', "'a'", '"a"b', '"\\', '"\\"', '"\\a"', '"\\x00"', '"\\u12"', '"\\u12G4"', '"\\U0041"', '"\\u00"',
    '"\t"', '"\n"', '"\r"', '"\0"', '"\x1f"', '"\\\n"', '{a:1}', '{1:1}', '{"a"}', '{"a":}', '{"a",1}', '{:1}',
    '{"a":1,}', '{,}', '{"a":1,,"b":2}', '{"a":1 "b":2}', '{"a"::1}', '{"a":1:2}', '{null:1}', '{[]:1}', '{"a":1,b}',
    '[1,]', '[,1]', '[,]', '[1,,2]', '[1 2]', '[1:2]', '["a":1]', '[1;2]', '// a\n1', '1 /* a */', '# a\n1',
    '\v1', '\f1', '\u00a01', '\u20281', 'é', '\0', '1\0', '\\u0031', '<a>', '(1)', '`a`', '*', '&', '\x7f',
  ];

  const places: [before: string, after: string][] = [
    ['[', ']'],
    ['[0,', ' ,1]'],
    ['{"a":', ',"b":1}'],
    ['{"a":[{"b":', '}]}'],
    ['{"', '":0}'],
    ['{"a":0,', ':1}'],
    ['[1]', ''],
    ['', '[1]'],
  ];

  it.each(valid)('accepts %j, and wherever it may stand', (text) => {
    expect(accepts(text)).toBe(true);
    expect(accepts(`{"a":[0,${text}],"b":${text}}`)).toBe(true);
    expect(differences(places.map(([before, after]) => Buffer.from(before + text + after)))).toEqual([]);
  });

  it.each(invalid)('refuses %j', (text) => {
    expect(accepts(text)).toBe(false);
    expect(differences(places.map(([before, after]) => Buffer.from(before + text + after)))).toEqual([]);
  });

  it('is judged as JSON.parse does when any byte is put in, taken out or changed, or the rest is cut off', () => {
    const document =
      '{"ab":[{},-0.5e+7],"c":[{"a":"\\u00e9é\\n","b":[true,false ,null]}, 10 ,"",[]\n],"d":{"e":"1"}}';
    expect(differences(changedByOneByte(Buffer.from(document)))).toEqual([]);
  });

  it('is judged as JSON.parse does for every string of up to four tokens', () => {
    const tokens = ['{', '}', '[', ']', ',', ':', '"a"', '1', '-', '.', 'e', ' '];
    let bodies = [''];
    for (let length = 1; length <= 4; length++) {
      bodies = bodies.flatMap((body) => tokens.map((token) => body + token));
      expect(differences(bodies.map((body) => Buffer.from(body)))).toEqual([]);
    }
  });

  it('allows a byte order mark as the first bytes and nowhere else', () => {
    for (const body of [`${BOM}[1]`, `${BOM} 1`, `${BOM}"${BOM}"`]) {
      expect([accepts(body), accepts(body, 1)]).toEqual([true, true]);
    }
    for (const body of [BOM, `${BOM}${BOM}1`, ` ${BOM}1`, `\n${BOM}1`, `[${BOM}1]`, `1${BOM}`]) {
      expect([accepts(body), accepts(body, 1)]).toEqual([false, false]);
    }
    for (const body of ['\xef1', '\xef\xbb1', '\xff\xfe1\0', '\xbb\xbf1']) {
      expect(accepts(Buffer.from(body, 'latin1'))).toBe(false);
    }
  });

  it('reports keys and values down to the watched depth, each by its first and last byte', () => {
    const body = Buffer.from(' {"a" : [1, {"b":2}] ,"c":-1.5\n, "d":true}');
    for (const size of [1, 3, 100]) {
      const texts: string[] = [];
      const begins: number[] = [];
      const onEvent = (event: JsonEvent, end: number) => {
        if (event.endsWith('begin')) begins.push(end - 1);
        else texts.push(body.toString('utf8', begins.pop(), end));
      };
      read(body, size, onEvent, 1);
      expect(texts).toEqual(['"a"', '[1, {"b":2}]', '"c"', '-1.5', '"d"', 'true', body.toString().trim()]);
    }
  });

  it('knows no limit of depth: 1,000,000 levels take linear time', () => {
    const levels = 500_000;
    const nested = `${'[{"a":'.repeat(levels)}0${'}]'.repeat(levels)}`;
    const startedAtMs = performance.now();
    expect(accepts(nested)).toBe(true);
    expect(accepts(`${nested.slice(0, -2)}]}`)).toBe(false);
    expect(accepts('['.repeat(2 * levels))).toBe(false);
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
  });
});
