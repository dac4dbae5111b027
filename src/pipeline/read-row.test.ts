/** The rules for values, one by one. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readRow } from './read-row';

const read = (text: string | Buffer, entity: 'user' | 'company' = 'user') =>
  readRow(Buffer.from(text), entity);
const user = (members: Record<string, unknown>) => read(JSON.stringify({ user_id: 'u', ...members }));
const errors = (row: ReturnType<typeof readRow>) =>
  row.errors.map(({ code, path }) => [code, path].join(' ').trim());
const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, n]));

describe('an id is kept byte for byte', () => {
  it.each([
    ' a',
    'A',
    'a',
    'n\u00e4me',
    'na\u0308me',
    '\u200b',
    '..',
    'a/b',
    '123',
    '😀'.repeat(256),
    'x'.repeat(256),
  ])('%j', (id) => {
    expect(read(JSON.stringify({ user_id: id }))).toMatchObject({ id, errors: [] });
  });
});

describe('an id is refused', () => {
  it.each([
    ['{}', 'id_missing user_id'],
    ['{"user_id":null}', 'id_missing user_id'],
    ['{"user_id":""}', 'id_missing user_id'],
    ['{"user_id":"  \\t"}', 'id_invalid user_id'],
    ['{"user_id":"\\u00a0\\u3000"}', 'id_invalid user_id'],
    ['{"user_id":7}', 'id_invalid user_id'],
    ['{"user_id":true}', 'id_invalid user_id'],
    ['{"user_id":["a"]}', 'id_invalid user_id'],
    ['{"user_id":{"a":1}}', 'id_invalid user_id'],
    ['{"user_id":"a\\nb"}', 'id_invalid user_id'],
    ['{"user_id":"a\\u0085"}', 'id_invalid user_id'],
    ['{"user_id":"\\u007f"}', 'id_invalid user_id'],
    ['{"user_id":"\\u001b[0m"}', 'id_invalid user_id'],
    ['{"constructor":"u","__proto__":{"user_id":"u"}}', 'id_missing user_id'],
    ['{"user_id":"a\\u0000"}', 'invalid_character user_id'],
    ['{"user_id":"\\ud800"}', 'invalid_character user_id'],
    ['{"user_id":"\\udc00x"}', 'invalid_character user_id'],
    [`{"user_id":"${'x'.repeat(257)}"}`, 'id_invalid user_id'],
    [`{"user_id":"${'😀'.repeat(257)}"}`, 'id_invalid user_id'],
  ])('%s', (text, error) => {
    expect(errors(read(text))).toEqual([error]);
    expect(read(text).id).toBeNull();
  });
});

describe('a company_id', () => {
  it('that is absent leaves, that is null detaches, that is a string sets', () => {
    expect(user({}).companyId).toBeUndefined();
    expect(user({ company_id: null }).companyId).toBeNull();
    expect(user({ company_id: 'c' }).companyId).toBe('c');
  });

  it.each(['', ' ', 7, [], 'a\nb', 'x'.repeat(257)])('%j is refused', (company_id) => {
    expect(errors(user({ company_id }))).toEqual(['company_id_invalid company_id']);
  });

  it('with half a surrogate pair is refused', () => {
    expect(errors(read('{"user_id":"u","company_id":"\\ud83d"}'))).toEqual(['invalid_character company_id']);
  });

  it('is the id of a company row', () => {
    expect(read('{"company_id":"c"}', 'company')).toMatchObject({
      id: 'c',
      companyId: undefined,
      errors: [],
    });
    expect(read('{"company_id":"c","user_id":"u"}', 'company').ignoredKeys).toEqual(['user_id']);
    expect(errors(read('{"user_id":"u"}', 'company'))).toEqual(['id_missing company_id']);
  });
});

describe('metadata', () => {
  it('that is absent or null is empty', () => {
    expect(user({}).metadata).toBe('{}');
    expect(user({ metadata: null })).toMatchObject({ metadata: '{}', errors: [] });
  });

  it.each([[[1]], ['text'], [7], [true]])('%j is refused', (metadata) => {
    expect(errors(user({ metadata }))).toEqual(['metadata_invalid metadata']);
  });

  it('refuses an object or array as value, with its path', () => {
    expect(errors(user({ metadata: { a: { b: 1 }, c: 1, d: [1] } }))).toEqual([
      'metadata_value_invalid metadata.a',
      'metadata_value_invalid metadata.d',
    ]);
  });

  it('takes 1,000 keys and refuses 1,001', () => {
    expect(errors(user({ metadata: keys(1_000) }))).toEqual([]);
    expect(errors(user({ metadata: keys(1_001) }))).toEqual(['metadata_too_large metadata']);
  });

  it('takes keys of 1 to 256 characters', () => {
    expect(errors(user({ metadata: { ['k'.repeat(256)]: 1, k: 1 } }))).toEqual([]);
    expect(errors(user({ metadata: { '': 1 } }))).toEqual(['metadata_key_invalid metadata']);
    expect(errors(user({ metadata: { ['k'.repeat(257)]: 1 } }))).toEqual(['metadata_key_invalid metadata']);
    expect(errors(user({ metadata: { ['😀'.repeat(256)]: 1 } }))).toEqual([]);
    expect(errors(user({ metadata: { ['😀'.repeat(257)]: 1 } }))).toEqual(['metadata_key_invalid metadata']);
  });

  it('takes strings of 65,536 characters', () => {
    expect(errors(user({ metadata: { a: 'x'.repeat(65_536) } }))).toEqual([]);
    expect(errors(user({ metadata: { a: 'x'.repeat(65_537) } }))).toEqual(['metadata_too_large metadata.a']);
    expect(errors(user({ metadata: { a: '😀'.repeat(65_536) } }))).toEqual([]);
    expect(errors(user({ metadata: { a: '😀'.repeat(65_537) } }))).toEqual(['metadata_too_large metadata.a']);
  });

  it('names its first 20 errors and no more', () => {
    const metadata = Object.fromEntries(Object.keys(keys(100)).map((key) => [key, []]));
    expect(user({ metadata }).errors).toHaveLength(20);
  });

  it('of a refused row is not handed on', () => {
    expect(user({ metadata: { a: 1, b: [] } })).toMatchObject({ id: 'u', metadata: '{}' });
  });

  it('refuses what PostgreSQL cannot hold, in keys and values', () => {
    expect(errors(read('{"user_id":"u","metadata":{"a":"\\u0000"}}'))).toEqual([
      'invalid_character metadata.a',
    ]);
    expect(errors(read('{"user_id":"u","metadata":{"a":"\\ud800"}}'))).toEqual([
      'invalid_character metadata.a',
    ]);
    expect(errors(read('{"user_id":"u","metadata":{"a\\u0000":1}}'))).toEqual(['invalid_character metadata']);
  });

  it('holds keys that mean something to JavaScript like any other', () => {
    const metadata = '{"__proto__":"a","constructor":"b","toJSON":"c","hasOwnProperty":"d","length":"e"}';
    expect(read(`{"user_id":"u","metadata":${metadata}}`)).toMatchObject({ metadata, errors: [] });
    expect(({} as Record<string, unknown>).a).toBeUndefined();
  });

  it('keeps strings as they are', () => {
    const metadata = {
      a: '007',
      b: 'true',
      c: '2020-02-30',
      d: "'; DROP TABLE users; --",
      e: '\u2028',
      f: ' x ',
      g: '\ufeff',
      10: 'ten',
      2: 'two',
    };
    expect(JSON.parse(user({ metadata }).metadata)).toEqual(metadata);
  });

  it('takes the last of a key that comes twice, also of metadata itself', () => {
    expect(read('{"user_id":"u","metadata":{"a":1.50,"a":2.50}}').metadata).toBe('{"a":2.50}');
    expect(read('{"user_id":"u","metadata":{"a":1.50},"metadata":{"b":2.50}}').metadata).toBe('{"b":2.50}');
    expect(read('{"user_id":"u","user_id":"v"}').id).toBe('v');
  });
});

describe('numbers', () => {
  it.each([
    '9007199254740993',
    '0.10',
    '1.0',
    '1234567890123456789012345678901234567890',
    '1E5',
    '-0',
    '1e-300',
    '12',
  ])('%s keeps every digit', (number) => {
    expect(read(`{"metadata":{"a":${number},"b":"1.0"},"user_id":"u"}`)).toMatchObject({
      metadata: `{"a":${number},"b":"1.0"}`,
      errors: [],
    });
  });

  it.each([
    ['1e400', '1e400'],
    ['-1e400', '-1e400'],
    ['1e-400', '1e-400'],
    ['400 digits', '9'.repeat(400)],
    ['16,384 digits behind the point', `0.${'1'.repeat(16_384)}`],
  ])('of %s is out of range', (_, number) => {
    expect(errors(read(`{"user_id":"u","metadata":{"a":${number}}}`))).toEqual([
      'number_out_of_range metadata.a',
    ]);
  });

  it('of any spelling keep it, whatever white space and strings stand around', () => {
    const number = fc.stringMatching(/^-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?$/);
    const space = fc.constantFrom('', ' ', '\n', '\t ');
    fc.assert(
      fc.property(number, number, space, space, fc.string(), (a, b, before, after, s) => {
        const metadata = `{"a"${before}:${after}${a}${before},"s":${JSON.stringify(s)},"b":${b}${after}}`;
        const row = read(`{"metadata":${metadata},"user_id":"u"}`);
        if (row.errors.length > 0) return;
        expect(row.metadata).toBe(`{"a":${a},"s":${JSON.stringify(s)},"b":${b}}`);
      }),
      { numRuns: 2_000 },
    );
  });

  it('are told from digits in strings, in nested ignored keys and behind escaped keys', () => {
    const row = read(
      '{"x":{"metadata":{"a":9.9}},"user_id":": 1.0","m\\u0065tadata":{"\\u0061":1.10,"b":": 2.0"}}',
    );
    expect(row).toMatchObject({ metadata: '{"a":1.10,"b":": 2.0"}', errors: [] });
  });
});

describe('a row', () => {
  it.each([
    'NaN',
    '{"user_id":"u"',
    "{'user_id':'u'}",
    '{"user_id":"u"}x',
    '{"user_id":+1}',
    '{"user_id":"u","metadata":{"a":NaN}}',
    '{"user_id":"u","metadata":{"a":-Infinity}}',
    '{"user_id":"u","metadata":{"a":0x10}}',
    '{"user_id":"u","metadata":{"a":01}}',
    '{"user_id":"u","metadata":{"a":1.}}',
    '{"user_id":"u",}',
    '{"user_id":"u"} // comment',
    '\ufeff{"user_id":"u"}',
    '',
  ])('%j is not JSON', (text) => {
    expect(read(text).errors.map(({ code }) => code)).toEqual(['invalid_json']);
  });

  it.each(['null', '7', '"u"', '[]', '[{"user_id":"u"}]'])('%s is no object', (text) => {
    expect(errors(read(text))).toEqual(['not_an_object']);
  });

  it.each([
    ['a byte that is never UTF-8', [0xff]],
    ['Latin-1', [0xe4]],
    ['a cut sequence', [0xf0, 0x9f, 0x98]],
    ['an overlong sequence', [0xc0, 0xaf]],
    ['half a surrogate pair in bytes', [0xed, 0xa0, 0x80]],
    ['a sequence beyond Unicode', [0xf4, 0x90, 0x80, 0x80]],
  ])('with %s is refused, never repaired', (_, bytes) => {
    const text = Buffer.concat([Buffer.from('{"user_id":"'), Buffer.from(bytes), Buffer.from('"}')]);
    expect(errors(read(text))).toEqual(['invalid_encoding']);
  });

  it('keeps a byte order mark within a string, and is no JSON with one between tokens', () => {
    expect(read('{"user_id":"a\ufeffb"}').id).toBe('a\ufeffb');
    expect(read('{"user_id":\ufeff"a"}').errors[0]?.code).toBe('invalid_json');
  });

  it('may have 1 MiB and no byte more', () => {
    const fill = (bytes: number) => `{"user_id":"u","x":"${'x'.repeat(bytes - 22)}"}`;
    expect(fill(1024 * 1024).length).toBe(1024 * 1024);
    expect(errors(read(fill(1024 * 1024)))).toEqual([]);
    expect(errors(read(fill(1024 * 1024 + 1)))).toEqual(['row_too_large']);
  });

  it('names its ignored keys, in a form that can be stored', () => {
    const row = read('{"user_id":"u","environment_id":7,"__proto__":1,"a\\u0000\\ud800":1,"deep":[[[[]]]]}');
    expect(row).toMatchObject({ id: 'u', errors: [] });
    expect(row.ignoredKeys).toEqual(['environment_id', '__proto__', 'a\ufffd\ufffd', 'deep']);
  });

  it('nested a hundred thousand deep in an ignored key is read', () => {
    const deep = `${'['.repeat(100_000)}1.5${']'.repeat(100_000)}`;
    expect(errors(read(`{"user_id":"u","metadata":{"a":1.5},"x":${deep}}`))).toEqual([]);
  });

  it.each([
    ['x', 'String'],
    ['', 'String'],
    ['true', 'String'],
    ['20240528', 'String'],
    ['2024-05-28 and later', 'String'],
    [1.5, 'Numeric'],
    [false, 'Boolean'],
    ['2024-05-28', 'Date'],
    ['2024-05-28T02:01:52.000Z', 'Date'],
    ['2024-05-28T02:01+02:00', 'Date'],
  ])('has for %j the property type %s', (value, type) => {
    expect(user({ metadata: { a: value } }).properties).toEqual([['a', type]]);
  });

  it('has no property type for null, which removes the key', () => {
    expect(user({ metadata: { a: null } })).toMatchObject({ metadata: '{"a":null}', properties: [] });
  });
});
