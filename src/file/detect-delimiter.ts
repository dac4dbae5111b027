/** Which character separates the cells of a delimited file, and what ends its lines, by the beginning of the file. */
import { splitRecord } from './split-record';

export const DELIMITERS = [',', ';', '\t', '|'] as const;

/** What the delimiters are called, in messages and parameters. */
export const DELIMITER_NAMES: Readonly<Record<string, string>> = {
  ',': 'comma',
  ';': 'semicolon',
  '\t': 'tab',
  '|': 'pipe',
};

/** Whether a text may divide cells: one character that is no letter, digit, quote or line end. */
export function isDelimiter(text: string): boolean {
  return /^[\t!#$%&'*+,\-./:;<=>?@^_`|~\\ ]$/.test(text);
}

export interface Layout {
  delimiter: string;
  lineEnd: '\n' | '\r';
  /** Whether the first line is Excel's `sep=;`, which is no record. */
  hasSeparatorLine: boolean;
}

/** Records that are looked at. */
const SAMPLE_RECORDS = 200;
const SEPARATOR_LINE = /^\ufeff?"?sep=([^\r\n"])"?\r?(?:\n|$)/i;

/**
 * @param text of the head of a file, decoded
 * @param isWhole whether that is the whole file; else its last record may be cut off
 * @param given a delimiter that was asked for
 */
export function detectLayout(text: string, isWhole: boolean, given?: string): Layout {
  const lineEnd = !text.includes('\n') && text.includes('\r') ? '\r' : '\n';
  const named = SEPARATOR_LINE.exec(text)?.[1];
  const body = named === undefined ? text : text.slice(text.indexOf('\n') + 1);
  const delimiter = given ?? named ?? bestDelimiter(body, lineEnd, isWhole);
  return { delimiter, lineEnd, hasSeparatorLine: named !== undefined };
}

/**
 * The one that gives most records as many cells as the header has; of several such, the one with the most cells. A file
 * that none of them divides has one column.
 */
function bestDelimiter(text: string, lineEnd: string, isWhole: boolean): string {
  let best = { delimiter: ',', agreeing: 0, cells: 1 };
  for (const delimiter of DELIMITERS) {
    const counts = cellCounts(text, delimiter, lineEnd, isWhole);
    const [cells = 1, ...others] = counts;
    if (cells < 2) continue;
    const agreeing = others.length === 0 ? 1 : others.filter((n) => n === cells).length / others.length;
    const isBetter =
      best.cells < 2 ||
      agreeing > best.agreeing + 0.1 ||
      (agreeing > best.agreeing - 0.1 && cells > best.cells);
    if (isBetter) best = { delimiter, agreeing, cells };
  }
  return best.delimiter;
}

/** Cells of the first records. */
function cellCounts(text: string, delimiter: string, lineEnd: string, isWhole: boolean): number[] {
  const records = splitRecords(text, delimiter, lineEnd);
  if (!isWhole && records.length > 1) records.pop();
  return records.map((record) => {
    const split = splitRecord(record, delimiter);
    return 'cells' in split ? split.cells.length : 0;
  });
}

/** The first records of a text, without blank ones. A quote that opens a cell hides line ends until it closes. */
export function splitRecords(text: string, delimiter: string, lineEnd: string): string[] {
  const records: string[] = [];
  let record = '';
  let [from, isQuoted] = [0, false];
  while (from < text.length && records.length < SAMPLE_RECORDS) {
    const found = text.indexOf(lineEnd, from);
    const end = found === -1 ? text.length : found;
    const line = text.slice(from, end);
    isQuoted = endsQuoted(line, delimiter, isQuoted);
    record += line;
    from = end + 1;
    if (isQuoted && from < text.length) record += lineEnd;
    else {
      const whole = record.endsWith('\r') ? record.slice(0, -1) : record;
      if (whole !== '') records.push(whole);
      record = '';
      isQuoted = false;
    }
  }
  return records;
}

/** Whether a quote is open at the end of a line. */
function endsQuoted(line: string, delimiter: string, wasQuoted: boolean): boolean {
  let isQuoted = wasQuoted;
  let isCellStart = !wasQuoted;
  for (let at = 0; at < line.length; at++) {
    const character = line[at];
    if (isQuoted) {
      if (character !== '"') continue;
      if (line[at + 1] === '"') at++;
      else isQuoted = false;
    } else if (character === delimiter) isCellStart = true;
    else {
      isQuoted = isCellStart && character === '"';
      isCellStart = false;
    }
    if (isQuoted) isCellStart = false;
  }
  return isQuoted;
}
