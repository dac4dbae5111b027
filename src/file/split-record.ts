/**
 * One record of a delimited file as its cells (RFC 4180, any delimiter). A quote opens only as the first character of a
 * cell; anywhere else in a cell that is not quoted it is text.
 */

/** How many lines there are before the quote, within the record. */
interface QuoteFault {
  fault: 'quote_not_closed' | 'invalid_closing_quote';
  linesBefore: number;
}

export type Split = { cells: string[] } | QuoteFault;

/** @param text a record without its line end */
export function splitRecord(text: string, delimiter: string): Split {
  if (!text.includes('"')) return { cells: text.split(delimiter) };
  const cells: string[] = [];
  for (let at = 0; ; at++) {
    if (text[at] === '"') {
      const quoted = readQuoted(text, at);
      const isClosed = quoted.end === text.length || text.startsWith(delimiter, quoted.end);
      if (quoted.end === -1) return { fault: 'quote_not_closed', linesBefore: countLines(text.slice(0, at)) };
      if (!isClosed)
        return { fault: 'invalid_closing_quote', linesBefore: countLines(text.slice(0, quoted.end)) };
      cells.push(quoted.cell);
      at = quoted.end;
    } else {
      const end = text.indexOf(delimiter, at);
      cells.push(text.slice(at, end === -1 ? text.length : end));
      at = end === -1 ? text.length : end;
    }
    if (at === text.length) return { cells };
  }
}

/** `end` is the place behind the closing quote; -1 when there is none. */
function readQuoted(text: string, opening: number): { cell: string; end: number } {
  let cell = '';
  for (let from = opening + 1; ; ) {
    const quote = text.indexOf('"', from);
    if (quote === -1) return { cell, end: -1 };
    if (text[quote + 1] !== '"') return { cell: cell + text.slice(from, quote), end: quote + 1 };
    cell += text.slice(from, quote + 1);
    from = quote + 2;
  }
}

/** Line ends in a text: `\n`, `\r\n` or `\r`. */
export function countLines(text: string): number {
  let lines = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\n' || (text[at] === '\r' && text[at + 1] !== '\n')) lines++;
  }
  return lines;
}

/** The record that splitRecord reads back. */
export function writeRecord(cells: readonly string[], delimiter = ','): string {
  return cells.map((cell) => writeCell(cell, delimiter)).join(delimiter);
}

function writeCell(cell: string, delimiter: string): string {
  const needsQuotes = cell.includes(delimiter) || /["\r\n]/.test(cell);
  return needsQuotes ? `"${cell.replaceAll('"', '""')}"` : cell;
}
