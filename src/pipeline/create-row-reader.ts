/**
 * Reads the rows of one job: JSON as it came or reshaped as was asked for, records of a table as the JSON rows that they
 * stand for, all under the same rules.
 */
import { isUtf8 } from 'node:buffer';
import { countLines, type Split, splitRecord } from '#file/split-record';
import { ENTITIES, type Entity } from '#job/entity';
import type { ReadingOptions } from '#job/options';
import { type RowError, rowError } from '#job/outcome';
import type { Reading } from '#job/reading';
import { planColumns, RecordWriter } from './map-columns';
import { MAX_ROW_BYTES, type ReadRow, readRow, refusedRow } from './read-row';
import { isReshaped, reshapeRow } from './reshape-row';

/** @param line where the row begins in the file, when that is known */
export type RowReader = (raw: Buffer, line?: number | null) => ReadRow;

/** What rows came in. */
export interface RowOrigin extends Partial<ReadingOptions> {
  entity: Entity;
  /** The header line of a table, whose cells are never nested; null for rows that are JSON. */
  csvHeader: Buffer | null;
  reading?: Reading;
}

export function createRowReader(origin: RowOrigin): RowReader {
  const { entity, csvHeader, nested, reading } = origin;
  if (csvHeader === null && !isReshaped(reading)) return (raw) => readRow(raw, entity, nested);
  const { write } = createRowTexts(origin);
  return (raw, line) => {
    const json = write(raw, line);
    return isError(json) ? refusedRow(json) : readRow(json, entity, nested);
  };
}

/** The row as JSON, or why it cannot be had. */
export type RowWriter = (raw: Buffer, line?: number | null) => Buffer | RowError;

export function isError(text: Buffer | RowError): text is RowError {
  return 'code' in text;
}

export interface RowTexts {
  write: RowWriter;
  /** Cells that do not have the type of their column and stayed strings, by column. */
  misfits: ReadonlyMap<string, number>;
}

/** @throws MappingError when the mapping does not fit the header */
export function createRowTexts({ entity, csvHeader, reading = {} }: RowOrigin): RowTexts {
  const traits = ENTITIES[entity];
  if (csvHeader === null) {
    const write = (raw: Buffer) => (isReshaped(reading) ? reshapeRow(raw, traits, reading) : raw);
    return { write, misfits: new Map() };
  }
  const { delimiter = ',', cellTypes, mapping } = reading;
  const columns = planColumns(splitHeader(csvHeader, delimiter), traits, reading);
  const writer = new RecordWriter(columns, cellTypes, mapping);
  return { write: (raw, line) => writeRecord(raw, line, delimiter, writer), misfits: writer.misfits };
}

/** The cells of a header line; the cutter has seen that it is a record. */
export function splitHeader(header: Buffer, delimiter = ','): string[] {
  const split = splitRecord(header.toString('utf8'), delimiter);
  return 'cells' in split ? split.cells : [];
}

const OTHER_ENCODING =
  'If the whole file has another encoding, say which: encoding=windows-1252, or --encoding on the command line.';

function writeRecord(
  raw: Buffer,
  line: number | null | undefined,
  delimiter: string,
  writer: RecordWriter,
): Buffer | RowError {
  // Of a record that is too long only the beginning is here: it says whether a quote has taken the rest of the file.
  const isLong = raw.length > MAX_ROW_BYTES;
  if (!isLong && !isUtf8(raw)) return rowError('invalid_encoding', '', OTHER_ENCODING);
  const text = raw.toString('utf8');
  const split = splitRecord(text, delimiter);
  if ('fault' in split && (!isLong || text.includes('\n'))) return quoteError(split, text, line);
  if (isLong || 'fault' in split) return rowError('row_too_large');
  const json = writer.write(split.cells);
  return typeof json === 'string' ? Buffer.from(json) : json;
}

function quoteError(
  { fault, linesBefore }: Exclude<Split, { cells: string[] }>,
  text: string,
  line: number | null | undefined,
): RowError {
  const at =
    typeof line === 'number' ? `line ${line + linesBefore}` : `line ${linesBefore + 1} of the record`;
  const lines = countLines(text) + 1;
  const taken = `The record took ${lines} ${lines === 1 ? 'line' : 'lines'}.`;
  const told = fault === 'quote_not_closed' ? `The quote opens on ${at}.` : `It is on ${at}.`;
  return rowError(fault, '', `${told} ${taken}`);
}
