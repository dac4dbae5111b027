import { describe, expect, it } from '@jest/globals';
import { explainJson } from './explain-json';

describe('What is wrong with a text that is no JSON is said in one sentence', () => {
  it.each([
    ['{"user_id":"u1","metadata":{"score":NaN}}', 'metadata.score', /^NaN is not JSON/],
    [
      '{"user_id":"u1","metadata":{"a":{},"b":[1,{"c":-Infinity}]}}',
      'metadata.b.c',
      /^-Infinity is not JSON/,
    ],
    ['{"a":undefined}', 'a', /^undefined is not JSON/],
    ['{"a":None}', 'a', /^None is Python/],
    ['{"a":True}', 'a', /lower case/],
    ['{"user_id":"u1",}', '', /comma stands before the closing brace/],
    ['{"a":[1,2,]}', '', /comma stands before the closing bracket/],
    ['{"user_id":"u1"}{"user_id":"u2"}', '', /second object begins on the same line/],
    ['{"user_id":"u1"},', '', /comma stands behind the row/],
    ["{'user_id':'u1'}", '', /double quotes, not single/],
    ['{"a":\'b\'}', 'a', /double quotes, not single/],
    ['{user_id:"u1"}', '', /keys have double quotes/],
    ['{"a":007}', 'a', /leading zeros/],
    ['{"a":1.}', 'a', /digits behind its point/],
    ['{"a":"x\ty"}', 'a', /control character/],
    ['{"a":"\\x"}', 'a', /backslash/],
    ['{"a":"x', 'a', /string is not closed/],
    ['{"a":1', '', /not closed on its line/],
    ['{', '', /not closed on its line/],
    ['{"a" 1}', '', /colon is missing/],
    ['{"a":1 "b":2}', '', /comma is missing between two members/],
    ['{"a":hello}', 'a', /double quotes in JSON/],
    ['{"a":}', 'a', /value is missing/],
  ])('%s', (text, path, message) => {
    expect(() => JSON.parse(text)).toThrow(SyntaxError);
    expect(explainJson(text)).toEqual({ path, message: expect.stringMatching(message) });
  });

  it.each([
    ['a million brackets', '['.repeat(1e6)],
    ['objects in objects', '{"a":'.repeat(2e5)],
    ['escapes', `"${'\\"'.repeat(5e5)}`],
    ['a key without an end', `{"${'a'.repeat(1e6)}`],
    ['digits', `${'1'.repeat(1e6)}x`],
    ['white space', `{"a":1${' '.repeat(1e6)}x`],
    ['words', 'a'.repeat(1e6)],
    ['backslashes', `{"a":"${'\\'.repeat(1e6)}`],
  ])('in time that grows with the length only: %s', (_name, text) => {
    const begunMs = performance.now();
    expect(explainJson(text)).toHaveProperty('path');
    expect(performance.now() - begunMs).toBeLessThan(1_000);
  });
});
