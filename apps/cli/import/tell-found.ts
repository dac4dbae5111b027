/** What was found in a file, for whoever imports it: told before anything is sent. */
import { tellFile } from '#job/observations';
import type { SettledFile } from '#pipeline/cut/cut-file';
import { count, printable } from '../show';

/** Sentences, one for each thing that is not as it is by default. */
export function tellFound({ warnings, ids }: SettledFile): string[] {
  const told = warnings.map((warning) => printable(tellFile(warning)));
  if (
    ids === undefined ||
    (ids.cells === ids.distinct && !warnings.some(({ code }) => code === 'id_column_detected'))
  )
    return told;
  const repeats = ids.cells - ids.distinct;
  const repeated = repeats === 0 ? 'none repeats' : `${count(repeats)} repeat another one`;
  return [
    ...told,
    `The id is in ${printable(ids.name)}: ${count(ids.distinct)} distinct values, ${repeated}.`,
  ];
}
