/** Dates that say year, month and day, in words or as ISO 8601. Whatever leaves one of them open is no date. */
import type { Token } from './tokens';

const ISO = /^(\d{4})-(\d{2})-(\d{2})$/;
const MONTHS = new Map(
  'january february march april may june july august september october november december'
    .split(' ')
    .flatMap((name, index): [string, number][] => [
      [name, index + 1],
      [name.slice(0, 3), index + 1],
    ]),
);
const DAY = /^(\d{1,2})(?:st|nd|rd|th)?$/;
const SUFFIX = /^(?:st|nd|rd|th)$/;
const YEAR = /^\d{4}$/;

/** Whether the word names a month. */
export function isMonth(norm: string): boolean {
  return MONTHS.has(norm);
}

/** An ISO 8601 date that exists. */
export function isDate(text: string): boolean {
  const [, year = '', month = '', day = ''] = ISO.exec(text) ?? [];
  return year !== '' && write(Number(year), Number(month), Number(day)) === text;
}

/** @returns the date that begins at this token, as ISO 8601, and how many tokens it takes */
export function readDate(
  tokens: readonly Token[],
  at: number,
): { value: string; length: number } | undefined {
  const first = tokens[at]?.norm ?? '';
  if (ISO.test(first)) return isDate(first) ? { value: first, length: 1 } : undefined;
  let next = at;
  const day = () => {
    const read = DAY.exec(tokens[next]?.norm ?? '')?.[1];
    if (read === undefined) return undefined;
    next++;
    if (SUFFIX.test(tokens[next]?.norm ?? '')) next++;
    return Number(read);
  };
  const month = () => {
    if (tokens[next]?.norm === 'of') next++;
    const read = MONTHS.get(tokens[next]?.norm ?? '');
    if (read !== undefined) next++;
    return read;
  };
  const isMonthFirst = isMonth(first);
  const [one, two] = [isMonthFirst ? month() : day(), isMonthFirst ? day() : month()];
  if (tokens[next]?.norm === ',') next++;
  const year = tokens[next]?.norm ?? '';
  if (one === undefined || two === undefined || !YEAR.test(year)) return undefined;
  const value = write(Number(year), isMonthFirst ? one : two, isMonthFirst ? two : one);
  return value === undefined ? undefined : { value, length: next + 1 - at };
}

function write(year: number, month: number, day: number): string | undefined {
  const date = new Date(Date.UTC(year, month - 1, day));
  const exists =
    date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return exists ? date.toISOString().slice(0, 10) : undefined;
}
