/** Words what a cluster has done: a line for each environment, the totals, and every fault. */
import { isError, type Trouble } from '../child-process';
import { toTextTable } from '../text-table';
import type { CheckedImport } from './check-import';

const HEADINGS = ['environment', 'rows', 'seconds', 'rows/min', 'most in 60 s', 'status'];
/** These stand left; the others are numbers. */
const TEXT_COLUMNS = new Set([0, 5]);

export interface Totals {
  /** From the first request to the last end of a job. */
  seconds: number;
  /** 0 = unthrottled. */
  usersPerMinute: number;
}

export function toTable(imports: readonly CheckedImport[]): string {
  return toTextTable([HEADINGS, ...imports.map(cells)], TEXT_COLUMNS);
}

export function toTotals(imports: readonly CheckedImport[], { seconds, usersPerMinute }: Totals): string {
  const rows = imports.reduce((sum, one) => sum + one.rows, 0);
  const rates = imports.flatMap(({ rowsPerMinute }) => rowsPerMinute ?? []);
  const slowest = rates.length === 0 ? '' : `, slowest environment ${show(Math.min(...rates))}`;
  const limit =
    usersPerMinute === 0
      ? 'Unthrottled.'
      : `The limit of each environment is ${show(usersPerMinute)} rows a minute; kept exactly, it gives that rate.`;
  return (
    `Total: ${imports.length} environments, ${show(rows)} rows in ${seconds.toFixed(1)} s, ` +
    `${show(rows / (seconds / 60))} rows/min${slowest}.\n` +
    `rows/min is measured from the first to the last row written. ${limit}\n`
  );
}

/** A line for each trouble, those of one process that say the same together. */
export function toTroubleLines(troubles: readonly Trouble[]): string[] {
  const counts = new Map<string, number>();
  for (const trouble of troubles) {
    const line = `${trouble.process}: ${isError(trouble) ? 'error' : 'warning'}: ${trouble.message}`;
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  return [...counts].map(([line, count]) => (count === 1 ? line : `${line} (${count} times)`));
}

function cells(one: CheckedImport): string[] {
  return [
    one.slug,
    show(one.rows),
    one.seconds.toFixed(1),
    one.rowsPerMinute === undefined ? 'at once' : show(one.rowsPerMinute),
    show(one.mostInAMinute),
    one.faults.length === 0 ? one.status : `${one.status}: ${one.faults.join('; ')}`,
  ];
}

function show(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
