/** Which columns of a table are the ids, and what is to be said of its header: once the whole file has been seen. */
import { AppError } from '#errors';
import { type ColumnValues, type IdCandidate, idCandidates, isDistinct } from '#file/find-id-column';
import { foldName, type NamedColumn, nameColumns } from '#file/name-columns';
import type { EntityTraits } from '#job/entity';
import type { FileWarning } from '#job/observations';
import type { Mapping } from '#job/reading';
import { requireColumn, tellColumns } from '../map-columns';

export interface SettledColumns {
  idColumn: number;
  companyColumn: number | null;
  warnings: FileWarning[];
}

export interface TableFacts {
  header: readonly string[];
  /** The first records behind the header. */
  sample: readonly (readonly string[])[];
  /** What is in the columns that may be the id. */
  values: ReadonlyMap<number, ColumnValues>;
}

/**
 * @param isStrict whether a header with blank or repeated names is refused
 * @throws MappingError when the mapping names a column that is not there; AppError missing_users, missing_companies when no column is the id, or none without doubt; its details name the
 * columns, for whoever has the file
 */
export function settleColumns(
  facts: TableFacts,
  traits: EntityTraits,
  mapping: Mapping,
  isStrict: boolean,
): SettledColumns {
  const columns = nameColumns(facts.header);
  const warnings = isStrict ? [] : headerWarnings(columns);
  if (isStrict) requireTidy(columns, traits);
  const id = mapping.id === undefined ? undefined : requireColumn(columns, mapping.id);
  const found = id ?? findId(columns, facts, traits, warnings);
  const company =
    mapping.company === undefined
      ? columns.find(({ name }) => foldName(name) === 'companyid')
      : requireColumn(columns, mapping.company);
  return {
    idColumn: found.index,
    companyColumn: traits.belongsToCompany ? (company?.index ?? null) : null,
    warnings,
  };
}

function headerWarnings(columns: readonly NamedColumn[]): FileWarning[] {
  return columns.flatMap(({ index, name, repeats }): FileWarning[] => {
    if (name === '') return [{ code: 'column_left_out', path: `column ${index + 1}`, detail: '' }];
    return repeats === undefined ? [] : [{ code: 'column_renamed', path: name, detail: repeats }];
  });
}

function requireTidy(columns: readonly NamedColumn[], { missingCode }: EntityTraits): void {
  const untidy = columns.find(({ name, repeats }) => name === '' || repeats !== undefined);
  if (untidy === undefined) return;
  const details =
    untidy.name === ''
      ? `Column ${untidy.index + 1} has no name, and strict=true refuses that.`
      : `Two columns are called ${JSON.stringify(untidy.repeats)}, and strict=true refuses that.`;
  throw new AppError(missingCode, { details });
}

function findId(
  columns: readonly NamedColumn[],
  facts: TableFacts,
  traits: EntityTraits,
  warnings: FileWarning[],
): NamedColumn {
  const exact = columns.find(({ name }) => name === traits.idKey);
  if (exact !== undefined) return exact;
  const candidates = idCandidates(columns, traits.idKey === 'user_id' ? 'user' : 'company');
  const best = candidates.find(({ column, likelihood }) => {
    const values = facts.values.get(column.index);
    return likelihood === 'own' || (likelihood === 'usual' && values !== undefined && isDistinct(values));
  });
  if (best === undefined) throw noId(columns, candidates, facts, traits);
  warnings.push({ code: 'id_column_detected', path: best.column.name, detail: '' });
  return best.column;
}

function noId(
  columns: readonly NamedColumn[],
  candidates: readonly IdCandidate[],
  { sample, values, header }: TableFacts,
  { idKey, missingCode }: EntityTraits,
): AppError {
  const told = [
    `The header line of the CSV must name the column ${idKey}, or the mapping the column of the id.`,
    `The columns are: ${tellColumns(columns)}.`,
  ];
  const [first] = candidates;
  if (first !== undefined) told.push(suggest(first.column.name, values.get(first.column.index)));
  else if (looksLikeData(header, sample)) {
    told.push(
      'The first line looks like data: if the file has no header line, name its columns with ' +
        `mapping={"columns":["${idKey}",...]}, or --columns ${idKey},name on the command line.`,
    );
  }
  return new AppError(missingCode, { details: told.join(' ') });
}

function suggest(name: string, values: ColumnValues | undefined): string {
  const repeats = values === undefined ? 0 : values.cells - values.distinct;
  const why = repeats > 0 ? ` (${repeats} of its ${values?.cells} values repeat another one)` : '';
  return `If ${JSON.stringify(name)} is the id${why}, say mapping={"id":${JSON.stringify(name)}}, or --id-column on the command line.`;
}

/** Whether what stands for the header has a cell that is written like the cells under it: digits, or an address. */
function looksLikeData(header: readonly string[], sample: readonly (readonly string[])[]): boolean {
  const [next] = sample;
  return header.some((cell, index) => {
    if (/^[^\s@]+@[^\s@]+$/.test(cell)) return true;
    return /\d/.test(cell) && next !== undefined && shapeOf(cell) === shapeOf(next[index] ?? '');
  });
}

/** `u1` and `u20` have the same shape. */
function shapeOf(cell: string): string {
  return cell.replaceAll(/\d+/g, '9').replaceAll(/\p{L}+/gu, 'a');
}
