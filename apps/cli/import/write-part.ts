/**
 * What is sent of a part: to a Muster the records of a table as they stand in the file, with the mapping beside them; rows of
 * JSON, and everything to a plain Userpilot, as NDJSON.
 */

import type { ImportOptions } from '#client/index';
import { nameColumns } from '#file/name-columns';
import type { Mapping, Reading } from '#job/reading';
import { splitHeader } from '#pipeline/create-row-reader';
import type { InputRow } from './read-rows';

/** A table, and how its records are read. */
export interface Table {
  header: Buffer;
  reading: Reading;
}

type SentRow = { input: InputRow; json: Buffer };

const LINE_END = Buffer.from('\n');
const [LINE_FEED, QUOTE] = [0x0a, 0x22];

/** @param name of the input; @param table undefined: as NDJSON */
export function writePart(
  rows: readonly SentRow[],
  name: string,
  table: Table | undefined,
): { file: Blob; options: ImportOptions } {
  if (table === undefined || !rows.every(({ input }) => isOneRecord(input.raw))) {
    const filename = `${name.replace(/\.(?:csv|tsv|txt|xlsx|json|ndjson|jsonl)$/i, '')}.ndjson`;
    return { file: joinLines(rows.map(({ json }) => json)), options: { filename, format: 'ndjson' } };
  }
  const { header, reading } = table;
  const { delimiter = ',' } = reading;
  const options = {
    filename: name,
    format: 'csv',
    delimiter,
    encoding: 'utf-8',
    mapping: mappingOf(table),
  } as const;
  return { file: joinLines([header, ...rows.map(({ input }) => input.raw)]), options };
}

/** Between others that end with \n; a file whose lines end otherwise may have a bare one within a cell. */
function isOneRecord(raw: Buffer): boolean {
  return !raw.includes(LINE_FEED) || raw.includes(QUOTE);
}

/** One piece: of thousands a Blob is slow to read. */
function joinLines(lines: readonly Buffer[]): Blob {
  return new Blob([Buffer.concat(lines.flatMap((line) => [line, LINE_END]))]);
}

/** What was found in the file or said of it, in the words of the API. */
function mappingOf({ header, reading }: Table): Mapping {
  const columns = nameColumns(splitHeader(header, reading.delimiter));
  const nameOf = (index: number) => columns[index]?.name ?? '';
  const { idColumn, companyColumn, renamed = {}, skipped = [], cellTypes = [], mapping } = reading;
  const isId = (index: number) => index === idColumn || index === companyColumn;
  const types = cellTypes.flatMap((type, index) =>
    type === 'string' || isId(index) || nameOf(index) === '' ? [] : [[nameOf(index), type] as const],
  );
  const rename = Object.entries(renamed).map(([index, key]) => [nameOf(Number(index)), key]);
  return {
    ...mapping,
    ...(idColumn !== undefined && { id: nameOf(idColumn) }),
    ...(typeof companyColumn === 'number' && { company: nameOf(companyColumn) }),
    ...(rename.length > 0 && { rename: Object.fromEntries(rename) }),
    ...(skipped.length > 0 && { skip: skipped.map(nameOf) }),
    ...(types.length > 0 && { types: Object.fromEntries(types) }),
  };
}
