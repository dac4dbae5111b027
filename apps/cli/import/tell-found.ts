/** What was found in a file, for whoever imports it: told before anything is sent. */
import { tellFile } from '#job/observations';
import type { SettledFile } from '#pipeline/cut/cut-file';
import { count, printable } from '../show';

/** Sentences, one for each thing that is not as it is by default. */
export function tellFound({ warnings, ids, nullWords = [] }: SettledFile): string[] {
  const told = warnings.map((warning) => printable(tellFile(warning)));
  if (nullWords.length > 0) {
    const words = nullWords.join(',');
    told.push(`Some cells are ${nullWords.join(', ')}. Add --null-values ${words} to read them as empty.`);
  }
  if (
    ids === undefined ||
    (ids.cells === ids.distinct && !warnings.some(({ code }) => code === 'id_column_detected'))
  )
    return told;
  const repeats = ids.cells - ids.distinct;
  const repeated = repeats === 0 ? 'none repeated' : `${count(repeats)} repeated`;
  return [
    ...told,
    `ID column: ${printable(ids.name)} (${count(ids.distinct)} distinct values, ${repeated}).`,
  ];
}
