import { expect, it } from '@jest/globals';
import { prefixEnd } from './search';

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

it.each([
  'a',
  'user-',
  '%',
  '_',
  'z\u007f',
  'é',
  '\ud7ff',
  '\uffff',
  '😀',
  'a\u{10ffff}',
  'a\u{10ffff}\u{10ffff}',
])('every text that begins with %j is before the end of the prefix, and none behind it is', (prefix) => {
  const end = prefixEnd(prefix) ?? '';
  for (const rest of ['', '\u0001', 'zzz', '\uffff', '\u{10ffff}\u{10ffff}'])
    expect(byBytes(prefix + rest, end)).toBeLessThan(0);
  expect(end.startsWith(prefix)).toBe(false);
  expect(end.isWellFormed()).toBe(true);
});

it('nothing is behind a text of last characters', () => {
  expect(prefixEnd('\u{10ffff}\u{10ffff}')).toBeUndefined();
});
