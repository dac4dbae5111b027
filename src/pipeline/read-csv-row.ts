/**
 * Reads one record of a CSV file as the row that it stands for, under the same rules as a JSON row. The header's columns
 * are the id, for users the company_id, and else keys of the metadata; all values are strings, an empty cell is left out.
 */
import { isUtf8 } from 'node:buffer';
import { ENTITIES, type Entity } from '#job/entity';
import { rowError } from '#job/outcome';
import { parseRecord } from './csv-record';
import { MAX_ROW_BYTES, type ReadRow, readRow, refusedRow } from './read-row';

/** What reads the rows of one job. */
export type RowReader = (raw: Buffer) => ReadRow;

/** @param csvHeader the header line of a CSV file; null for rows that are JSON */
export function createRowReader(job: { entity: Entity; csvHeader: Buffer | null }): RowReader {
  const { entity, csvHeader } = job;
  if (csvHeader === null) return (raw) => readRow(raw, entity);
  const columns = parseRecord(csvHeader) ?? [];
  return (raw) => readRecord(raw, columns, entity);
}

function readRecord(raw: Buffer, columns: readonly string[], entity: Entity): ReadRow {
  if (raw.length > MAX_ROW_BYTES) return refusedRow(rowError('row_too_large'));
  if (!isUtf8(raw)) return refusedRow(rowError('invalid_encoding'));
  const cells = parseRecord(raw);
  if (cells?.length !== columns.length) return refusedRow(rowError('invalid_json'));
  return readRow(Buffer.from(toJson(columns, cells, entity)), entity);
}

/** As text, because keys such as __proto__ are plain keys; where a column comes twice, the last cell counts. */
function toJson(columns: readonly string[], cells: readonly string[], entity: Entity): string {
  const { idKey, belongsToCompany } = ENTITIES[entity];
  const row: string[] = [];
  const metadata: string[] = [];
  for (const [index, column] of columns.entries()) {
    const cell = cells[index];
    if (cell === undefined || cell === '') continue;
    const isOwnKey = column === idKey || (belongsToCompany && column === 'company_id');
    (isOwnKey ? row : metadata).push(`${JSON.stringify(column)}:${JSON.stringify(cell)}`);
  }
  return `{${[...row, `"metadata":{${metadata.join(',')}}`].join(',')}}`;
}
