/** CSV for spreadsheets: no cell is taken for a formula (OWASP, CSV injection), whatever separates cells there. */
import { stringify } from 'csv-stringify/sync';

/**
 * Where a formula may begin: at the start of a cell, and behind what a spreadsheet may take for the end of a cell or line in
 * spite of quotes, since quotes in the middle of what it holds to be a cell count for nothing. Spaces and quotes before the
 * formula do not save it.
 */
const FORMULA_START = /(?<=^|[;\t\r\n])(?=[ "]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])/g;

/**
 * The records as lines of CSV. Text that a spreadsheet would take for a formula has an apostrophe before it; numbers stay
 * numbers.
 */
export function writeCsv(records: readonly (readonly unknown[])[]): string {
  return stringify(
    records.map((cells) => cells.map(asText)),
    // A spreadsheet that separates cells at these is to find quotes around them at least.
    { quoted_match: /[;\t]/ },
  );
}

function asText(cell: unknown): unknown {
  return typeof cell === 'string' ? cell.replace(FORMULA_START, "'") : cell;
}
