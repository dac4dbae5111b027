/** Numbers keep the digits that the client wrote, and what cannot be stored is known before it is sent. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { doublesAreExact, isStorableNumber, metadataNumberTexts } from './exact-numbers';

const texts = (text: string) => Object.fromEntries(metadataNumberTexts(text));
const short = (text: string) =>
  text.length > 60 ? `${text.slice(0, 20)}... (${text.length} characters)` : text;
const named = (numbers: string[]) => numbers.map((text) => [short(text), text]);
const numberText = fc.stringMatching(/^-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?$/);

describe('whether doubles are exact', () => {
  it.each(['0', '7', '-12', '1.5', '0.1', '9007199254740991', '1e+21', '1e-7', '1.7976931348623157e+308'])(
    '%s reads back from a double as it was written',
    (number) => {
      expect(doublesAreExact(`{"metadata":{"a":${number}}}`)).toBe(true);
    },
  );

  it.each([
    '-0',
    '0.10',
    '1.0',
    '1E5',
    '1e5',
    '1e21',
    '0e0',
    '9007199254740993',
    '1e400',
    '1e-400',
    '5e-400',
  ])('%s does not', (number) => {
    expect(doublesAreExact(`{"metadata":{"a": ${number} }}`)).toBe(false);
    expect(doublesAreExact(`{"metadata":{"a":1,"b"\n:\t${number}\r\n,"c":"x"}}`)).toBe(false);
  });

  it('is never said of a row with a number that a double would write in another way', () => {
    const space = fc.constantFrom('', ' ', '\t', '\n', '\r\n ');
    const string = fc.oneof(fc.string(), fc.constantFrom(':1', '": 2,', '\\', '\\"', ':', '{"a":1.0}'));
    fc.assert(
      fc.property(fc.array(numberText, { maxLength: 4 }), space, space, string, (numbers, s, t, text) => {
        const members = numbers.map((number, n) => `"k${n}"${s}:${t}${number}${t}`);
        const row = `{"user_id":${JSON.stringify(text)},"metadata":{${[...members, `"s":${JSON.stringify(text)}`].join(',')}}}`;
        if (!doublesAreExact(row)) return;
        for (const number of numbers) expect(JSON.stringify(Number(number))).toBe(number);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the texts of the numbers', () => {
  it('are those of the metadata alone, not of other keys, strings or deeper objects', () => {
    expect(
      texts(
        '{"a":1.0,"x":{"a":2.0,"metadata":{"a":3.0}},"y":[4.0,{"metadata":{"a":5.0}}],"metadata":{"a":6.0,"b":"7.0","c":{"a":8.0},"d":[9.0]},"z":10.0}',
      ),
    ).toEqual({ a: '6.0' });
  });

  it('belong to the last metadata object, and in it to the last of a key that comes twice', () => {
    expect(texts('{"metadata":{"a":1.0,"b":2.0},"metadata":{"a":3.0}}')).toEqual({ a: '3.0' });
    expect(texts('{"metadata":{"a":1.0},"metadata":{}}')).toEqual({});
    expect(texts('{"metadata":{"a":1.0,"a":2.0}}')).toEqual({ a: '2.0' });
    expect(texts('{"metadata":{"a":1.0,"\\u0061":2.0}}')).toEqual({ a: '2.0' });
    expect(texts('{"metadata":{"a":1.0,"a":"x"}}')).toEqual({});
    expect(texts('{"metadata":{"a":{"a":1.0,"b":2.0},"a":3.0}}')).toEqual({ a: '3.0' });
  });

  it('are found behind keys with escapes, quotes, backslashes and braces', () => {
    expect(texts('{"met\\u0061data":{"\\"":1.0,"\\\\":2.0,"{":3.0,":":4.0,"}\\\\\\"":5.0}}')).toEqual({
      '"': '1.0',
      '\\': '2.0',
      '{': '3.0',
      ':': '4.0',
      '}\\"': '5.0',
    });
  });

  it('are found with a key such as __proto__ or constructor', () => {
    expect([...metadataNumberTexts('{"metadata":{"__proto__":1.0,"constructor":2.0}}')]).toEqual([
      ['__proto__', '1.0'],
      ['constructor', '2.0'],
    ]);
  });

  it('are found in a row of a megabyte of escapes, white space or digits, without a long wait', () => {
    for (const filler of [
      '\\n'.repeat(500_000),
      ':'.repeat(1_000_000),
      '1'.repeat(1_000_000),
      '\\"'.repeat(500_000),
    ]) {
      const startedAt = performance.now();
      expect(texts(`{"x":"${filler}","metadata":{"a":1.0}}`)).toEqual({ a: '1.0' });
      expect(doublesAreExact(`{"x":"${filler}","metadata":{"a":${' '.repeat(1_000_000)}1.0}}`)).toBe(false);
      expect(performance.now() - startedAt).toBeLessThan(2_000);
    }
  });
});

describe('a number can be stored', () => {
  it.each(
    named([
      '0',
      '-0',
      '0.10',
      '1E5',
      '1e308',
      '-1.7976931348623157e308',
      '5e-324',
      '1234567890123456789012345678901234567890',
      `0.${'0'.repeat(16_383)}`,
      `1.${'1'.repeat(16_383)}`,
      `-${'1'.repeat(309)}`,
    ]),
  )('%s', (_, number = '') => {
    expect(isStorableNumber(number)).toBe(true);
  });

  it.each(
    named([
      '1e309',
      '-1e309',
      '1e400',
      '1E+999999999',
      '2'.repeat(309),
      '1e-324',
      '-1e-400',
      '1E-999999999',
      `0.${'0'.repeat(400)}1`,
      `1.${'1'.repeat(16_384)}`,
      `0.${'0'.repeat(16_384)}`,
      '0e-16384',
      // PostgreSQL reads no exponent of 2^30 or more, not even behind a zero.
      '0e1073741824',
    ]),
  )('and %s cannot', (_, number = '') => {
    expect(isStorableNumber(number)).toBe(false);
  });
});
