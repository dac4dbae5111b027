/** What the peers bench wants of every side: an import into an empty place, and the same rows again with other values. */
import { isDeepStrictEqual } from 'node:util';

/** Ours, a yardstick or another product, started and ready. One import at a time. */
export interface Peer {
  /** Empties its place, which is not counted, and imports the rows. Returns rows/s. @throws Error when rows are missing */
  insert(ndjson: Buffer): Promise<number>;
  /** Imports the same ids with other values. Returns rows/s. @throws Error when a value is not the new one */
  update(ndjson: Buffer): Promise<number>;
  /** Stops its processes and removes its files. */
  stop(): Promise<void>;
}

/** A row of an import file. */
export interface Row {
  user_id: string;
  company_id: string;
  metadata: Record<string, string | number | boolean>;
}

/** The lines of an import file, without the line breaks. */
export function toLines(ndjson: Buffer): string[] {
  return ndjson.toString('utf8').trimEnd().split('\n');
}

/** The first rows of an import file. */
export function firstRows(ndjson: Buffer, rows: number): Buffer {
  let end = 0;
  for (let n = 0; n < rows && end < ndjson.length; n++) end = ndjson.indexOf('\n', end) + 1 || ndjson.length;
  return ndjson.subarray(0, end);
}

/** Rows/s of work that has taken this long. */
export function rowsPerSecond(rows: number, milliseconds: number): number {
  return rows / (milliseconds / 1000);
}

/**
 * An import that lost or mangled rows is not measured.
 * @param lines what was imported
 * @param rows how many rows are stored now
 * @param metadata what is stored now for the last line's user
 * @throws Error
 */
export function checkStored(lines: readonly string[], rows: number, metadata: unknown): void {
  if (rows !== lines.length) throw new Error(`${lines.length} rows were imported, ${rows} are stored.`);
  const sent = JSON.parse(lines.at(-1) ?? '{}') as Partial<Row>;
  if (!isDeepStrictEqual(metadata, sent.metadata)) throw new Error('The last row is not stored as sent.');
}
