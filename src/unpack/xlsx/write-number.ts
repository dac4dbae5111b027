/** Numbers of a workbook as people write them: no exponent, no noise of binary fractions, dates as ISO 8601. */
import type { NumberKind } from './read-styles';

const MS_PER_DAY = 86_400_000;
/** 9999-12-31, the last day that there is. */
const MAX_DAYS = 2_958_466;
/** Days from the beginning of each calendar to 1970. */
const [DAYS_FROM_1900, DAYS_FROM_1904] = [25_569, 24_107];
/** 1900-02-29, which never was: days before it count one more. */
const LEAP_DAY_OF_1900 = 60;

/** @param stored as it stands in the file @returns that, when it is no number */
export function writeNumber(stored: string, kind: NumberKind, isFrom1904: boolean): string {
  if (kind === 'number') return plainNumber(stored);
  const days = Number(stored);
  if (stored.trim() === '' || !(days >= 0 && days < MAX_DAYS)) return plainNumber(stored);
  const ms = Math.round(days * MS_PER_DAY);
  if (kind === 'duration') return clock(ms);
  // Without a day, whatever the format: a time that was typed into a column of dates.
  if (ms < MS_PER_DAY && !isFrom1904) return kind === 'date' && ms === 0 ? plainNumber(stored) : clock(ms);
  if (ms < MS_PER_DAY && kind === 'time') return clock(ms);
  const day = Math.floor(ms / MS_PER_DAY);
  if (!isFrom1904 && day === LEAP_DAY_OF_1900) return plainNumber(stored);
  const since1970 = isFrom1904
    ? day - DAYS_FROM_1904
    : day - DAYS_FROM_1900 + (day < LEAP_DAY_OF_1900 ? 1 : 0);
  const date = new Date(since1970 * MS_PER_DAY).toISOString().slice(0, 10);
  const rest = ms % MS_PER_DAY;
  return kind === 'date' && rest === 0 ? date : `${date}T${clock(rest)}`;
}

/** `10:00:00`, with milliseconds where there are some. */
function clock(ms: number): string {
  const two = (number: number) => String(number).padStart(2, '0');
  const [hours, minutes, seconds] = [ms / 3_600_000, (ms / 60_000) % 60, (ms / 1_000) % 60].map(Math.floor);
  const fraction = ms % 1_000 === 0 ? '' : `.${String(ms % 1_000).padStart(3, '0')}`;
  return `${two(hours ?? 0)}:${two(minutes ?? 0)}:${two(seconds ?? 0)}${fraction}`;
}

/** Whole numbers keep all their digits; others have the fewest that mean the same. */
export function plainNumber(stored: string): string {
  if (/^(?:0|-?[1-9]\d*)$/.test(stored)) return stored;
  const number = Number(stored);
  if (stored.trim() === '' || !Number.isFinite(number)) return stored;
  const shortest = String(number);
  const scientific = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(shortest);
  if (scientific === null) return shortest;
  const [, sign = '', first = '', rest = '', exponent = ''] = scientific;
  const digits = first + rest;
  const point = 1 + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  // Beyond 21 digits only, where no fraction is left.
  return sign + digits.padEnd(point, '0');
}
