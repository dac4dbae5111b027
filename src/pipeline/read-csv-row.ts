/**
 * Reads one record of a CSV file as the row that it stands for, under the same rules as a JSON row. The header's columns
 * are the id, for users the company_id, and else keys of the metadata; all values are strings, an empty cell is left out.
 */
import { isUtf8 } from 'node:buffer';
import { ENTITIES, type Entity } from '#job/entity';
import type { ReadingOptions } from '#job/options';
import { rowError } from '#job/outcome';
import { parseRecord } from './csv-record';
import { placeColumns, RecordWriter } from './map-columns';
import { MAX_ROW_BYTES, type ReadRow, readRow, refusedRow } from './read-row';

/** What reads the rows of one job. */
export type RowReader = (raw: Buffer) => ReadRow;

/** What rows came in. */
export interface RowOrigin extends Partial<ReadingOptions> {
  entity: Entity;
  /** The header line of a CSV file, whose cells are never nested; null for rows that are JSON. */
  csvHeader: Buffer | null;
}

export function createRowReader(job: RowOrigin): RowReader {
  const { entity, csvHeader, nested } = job;
  if (csvHeader === null) return (raw) => readRow(raw, entity, nested);
  const writer = new RecordWriter(placeColumns(parseRecord(csvHeader) ?? [], ENTITIES[entity]));
  return (raw) => readRecord(raw, writer, entity);
}

function readRecord(raw: Buffer, writer: RecordWriter, entity: Entity): ReadRow {
  if (raw.length > MAX_ROW_BYTES) return refusedRow(rowError('row_too_large'));
  if (!isUtf8(raw)) return refusedRow(rowError('invalid_encoding'));
  const json = writer.write(parseRecord(raw));
  return json === undefined ? refusedRow(rowError('invalid_json')) : readRow(Buffer.from(json), entity);
}
