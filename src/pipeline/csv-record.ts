/** CSV records (RFC 4180) as their cells. */
import { isUtf8 } from 'node:buffer';
import { parse } from 'csv-parse/sync';

/** The cells of a record; undefined when it is no UTF-8 or its quotes are wrong. */
export type Cells = string[] | undefined;

export function parseRecord(raw: Buffer): Cells {
  if (!isUtf8(raw)) return undefined;
  const text = raw.toString('utf8');
  return splitPlain(text) ?? parseAlone(text);
}

/**
 * The cells of each of many records, as parseRecord finds them.
 * A call of the parser takes as long as some ten records: those with quotes go into one call, if all of them are right.
 */
export function parseRecords(raws: readonly Buffer[]): Cells[] {
  const texts = raws.map((raw) => (isUtf8(raw) ? raw.toString('utf8') : undefined));
  const all = texts.map((text) => (text === undefined ? undefined : splitPlain(text)));
  // Alone, a record may end with a carriage return; among others that could be part of a cell.
  const isTogether = (text: string | undefined, index: number): text is string =>
    text !== undefined && all[index] === undefined && !text.includes('\r');
  const together = parseText(texts.filter(isTogether).join('\n'), { record_delimiter: '\n' });
  const isRight = together?.length === texts.filter(isTogether).length;
  let next = 0;
  return all.map((cells, index) => {
    const text = texts[index];
    if (cells !== undefined || text === undefined) return cells;
    return isRight && isTogether(text, index) ? together?.[next++] : parseAlone(text);
  });
}

/** Most records have no quotes, and then there is nothing to parse. */
function splitPlain(text: string): Cells {
  return text.includes('"') ? undefined : text.split(',');
}

function parseAlone(text: string): Cells {
  const records = parseText(text);
  return records?.length === 1 ? records[0] : undefined;
}

function parseText(text: string, options: { record_delimiter?: string } = {}): string[][] | undefined {
  try {
    return parse(text, { relax_column_count: true, ...options }) as string[][];
  } catch {
    return undefined;
  }
}
