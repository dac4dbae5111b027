/** Numbers as words, the same for every reader. */

export function count(number: number): string {
  return number.toLocaleString('en');
}

/** `1 row`, `2 rows`. */
export function rows(number: number): string {
  return `${count(number)} ${number === 1 ? 'row' : 'rows'}`;
}

/** In the largest unit that keeps it above one: `2.9 MB`. A MB is 1024 x 1024 bytes, as the service counts. */
export function bytes(number: number): string {
  const units = ['bytes', 'KB', 'MB', 'GB'] as const;
  let [amount, unit] = [number, 0];
  while (amount >= 1024 && unit < units.length - 1) {
    amount /= 1024;
    unit++;
  }
  return `${amount.toLocaleString('en', { maximumFractionDigits: unit === 0 ? 0 : 1 })} ${units[unit]}`;
}

/** `45 s`, `5 min 33 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return joined(Math.floor(whole / 60), 'min', whole % 60, 's');
  return joined(Math.floor(whole / 3600), 'h', Math.floor((whole % 3600) / 60), 'min');
}

function joined(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** `37%`, never `100%` before the end. */
export function percent(part: number, whole: number): string {
  return whole === 0 ? '0%' : `${Math.floor((part * 100) / whole)}%`;
}
