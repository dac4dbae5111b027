/** What is to be said of what a file came in. */
import type { FileWarning } from '#job/observations';
import type { Found } from './unpack';

/** @param sheet that was asked for. Complete when the file was read to its end */
export function tellFound(
  { container, name = '', sheets = [], faults }: Found,
  sheet: string | undefined,
): FileWarning[] {
  if (container !== 'xlsx') return [];
  const warnings: FileWarning[] = [];
  if (sheets.length > 1 && sheet === undefined)
    warnings.push({ code: 'sheet_detected', path: name, detail: '' });
  const cells = (faults?.errors ?? 0) + (faults?.uncalculated ?? 0);
  if (cells > 0) warnings.push({ code: 'cells_without_value', path: name, detail: String(cells) });
  return warnings;
}
