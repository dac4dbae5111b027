/** Numbers as people write them: `32`, `95,000`, `130 000`, `1.78`, `120k`, `80-90k`, `thirty-two`, `four and a half`. */
import type { Token } from './tokens';

const SMALL = new Map(
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'
    .split(' ')
    .map((word, value) => [word, value]),
);
const TENS = new Map(
  'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ').map((word, n) => [word, (n + 2) * 10]),
);
const PLAIN = /^\d{1,12}(?:\.\d{1,9})?$/;
const GROUPED = /^\d{1,3}(?:,\d{3}){1,3}(?:\.\d{1,9})?$/;
const RANGE = /^(\d{1,9}(?:\.\d{1,9})?)-\d{1,9}(?:\.\d{1,9})?$/;

/** Whether a number may begin here. */
export function isNumberLike({ kind, norm }: Token): boolean {
  return kind === 'number' || TENS.has(norm) || SMALL.has(norm);
}

export interface ReadNumber {
  value: number;
  /** Tokens that it takes. */
  length: number;
}

/** @returns the number that begins at this token; of a range its lower end */
export function readNumber(tokens: readonly Token[], at: number): ReadNumber | undefined {
  const token = tokens[at];
  if (token === undefined) return undefined;
  const number = token.kind === 'number' ? readDigits(tokens, at) : readWords(tokens, at);
  if (number === undefined) return undefined;
  const next = tokens[at + number.length];
  const before = tokens[at + number.length - 1];
  // Only a k that is glued to the number: "5 k" may be anything.
  if (next?.norm === 'k' && next.start === before?.end)
    return { value: number.value * 1_000, length: number.length + 1 };
  return number;
}

function readDigits(tokens: readonly Token[], at: number): ReadNumber | undefined {
  const text = tokens[at]?.text ?? '';
  const range = RANGE.exec(text)?.[1];
  if (range !== undefined) return { value: Number(range), length: 1 };
  if (GROUPED.test(text)) return { value: Number(text.replaceAll(',', '')), length: 1 };
  if (!PLAIN.test(text)) return undefined;
  let digits = text;
  let length = 1;
  // Groups of three behind one to three digits, each a space apart.
  while (text.length <= 3 && length < 4) {
    const group = tokens[at + length];
    if (
      group?.kind !== 'number' ||
      !/^\d{3}$/.test(group.text) ||
      group.start - (tokens[at + length - 1]?.end ?? 0) !== 1
    )
      break;
    digits += group.text;
    length++;
  }
  return { value: Number(digits), length };
}

function readWords(tokens: readonly Token[], at: number): ReadNumber | undefined {
  let length = 1;
  const word = (ahead: number) => tokens[at + ahead]?.norm ?? '';
  let value = TENS.get(word(0));
  if (value !== undefined) {
    const ones = SMALL.get(word(1));
    if (ones !== undefined && ones >= 1 && ones <= 9) {
      value += ones;
      length++;
    }
  } else value = SMALL.get(word(0));
  if (value === undefined) return undefined;
  if (word(length) === 'hundred' && value >= 1 && value <= 9) {
    value *= 100;
    length++;
  }
  if (word(length) === 'and' && word(length + 1) === 'a' && word(length + 2) === 'half') {
    return { value: value + 0.5, length: length + 3 };
  }
  return { value, length };
}
