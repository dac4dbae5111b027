/** What a file probably is. Pure; the person may say otherwise. */
import type { Columns, Format, Kind, Mapping } from '../check/messages';

export function guessFormat({ name, type }: Pick<File, 'name' | 'type'>): Format {
  if (/\.csv$/i.test(name) || type === 'text/csv') return 'csv';
  return /\.json$/i.test(name) ? 'json' : 'ndjson';
}

/** @param header of a CSV */
export function guessKind(name: string, header: readonly string[] = []): Kind {
  if (header.includes('user_id')) return 'users';
  return header.includes('company_id') || /compan/i.test(name) ? 'companies' : 'users';
}

const ID_COLUMN = /^(?:id|uuid|.*[_ -]?id|e-?mail)$/i;

/** The contract's columns where they are there; else the column that is named most like an id. */
export function guessMapping({ header, types }: Columns, kind: Kind): Mapping {
  const idKey = kind === 'users' ? 'user_id' : 'company_id';
  const companyColumn = kind === 'users' && header.includes('company_id') ? 'company_id' : undefined;
  const candidates = header.filter((name) => name !== companyColumn);
  const idColumn =
    candidates.find((name) => name === idKey) ?? candidates.find((name) => ID_COLUMN.test(name));
  return { idColumn: idColumn ?? candidates[0] ?? '', companyColumn, names: [...header], types: [...types] };
}

/** Whether the service reads the file like that by itself. */
export function isPlain(
  { idColumn, companyColumn, names, types }: Mapping,
  kind: Kind,
  header: readonly string[],
): boolean {
  const isMeant = companyColumn === 'company_id' || !header.includes('company_id') || kind === 'companies';
  return (
    idColumn === (kind === 'users' ? 'user_id' : 'company_id') &&
    isMeant &&
    (companyColumn === undefined || companyColumn === 'company_id') &&
    header.every((name, index) => {
      const isMetadata = name !== idColumn && name !== companyColumn;
      return !isMetadata || (names[index] === name && types[index] === 'string');
    })
  );
}
