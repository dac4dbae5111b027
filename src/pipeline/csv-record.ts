/** One CSV record (RFC 4180) as its cells. */
import { isUtf8 } from 'node:buffer';
import { parse } from 'csv-parse/sync';

/** The cells of a record; undefined when it is no UTF-8 or its quotes are wrong. */
export function parseRecord(raw: Buffer): string[] | undefined {
  if (!isUtf8(raw)) return undefined;
  const text = raw.toString('utf8');
  // Most records have no quotes, and then there is nothing to parse.
  if (!text.includes('"')) return text.split(',');
  try {
    const records = parse(text, { relax_column_count: true }) as string[][];
    return records.length === 1 ? records[0] : undefined;
  } catch {
    return undefined;
  }
}
