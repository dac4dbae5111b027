/**
 * Collects the rows that failed, ready to be mended and imported again: FILE has them as they stood in the input (rows of
 * a JSON array on a line each), FILE.reasons has a line of JSON for each with its row, line, id and errors.
 * What a part adds is on disk before the part counts as done. What was added for a part that does not count is cut off
 * when the import goes on, so that no row stands there twice.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  realpathSync,
  writeFileSync,
} from 'node:fs';
import type { RowError } from '#job/outcome';
import { CliError } from '../exit-codes';
import { onOneLine } from './prepare-rows';
import type { InputRow } from './read-rows';

export interface FailedRow {
  input: InputRow;
  id: string | null;
  errors: readonly RowError[];
}

/** Bytes of both files after the last part that counts. */
export interface ErrorFileSizes {
  rows: number;
  reasons: number;
}

export interface ErrorFile {
  /** @param header of the CSV that the rows are of */
  add(failed: readonly FailedRow[], header: Buffer | undefined): ErrorFileSizes;
  close(): void;
}

const LINE_END = Buffer.from('\n');

/**
 * @param kept what an interrupted import has added; undefined: both files begin empty
 * @throws CliError refused when the file is an input itself or cannot be written
 */
export function openErrorFile(
  file: string,
  inputs: readonly string[],
  kept: ErrorFileSizes | undefined,
): ErrorFile {
  if (existsSync(file) && inputs.includes(realpathSync(file))) {
    throw new CliError('refused', `${file} is what is to be imported: --errors needs a file of its own.`);
  }
  const rows = openAt(file, kept?.rows ?? 0);
  const reasons = openAt(`${file}.reasons`, kept?.reasons ?? 0);
  return {
    add(failed, header) {
      if (failed.length > 0) {
        const needsHeader = header !== undefined && fstatSync(rows).size === 0;
        const lines = failed.map(({ input }) => onOneLine(input));
        const all = needsHeader ? [header, ...lines] : lines;
        writeFileSync(rows, Buffer.concat(all.flatMap((line) => [line, LINE_END])));
        writeFileSync(reasons, failed.map(writeReason).join(''));
      }
      fsyncSync(rows);
      fsyncSync(reasons);
      return { rows: fstatSync(rows).size, reasons: fstatSync(reasons).size };
    },
    close() {
      closeSync(rows);
      closeSync(reasons);
    },
  };
}

function writeReason({ input: { row, line }, id, errors }: FailedRow): string {
  return `${JSON.stringify({ row, line, id, errors })}\n`;
}

/** Opens a file for what is added behind its first `size` bytes; a shorter one, as after it was moved away, stays as it is. */
function openAt(file: string, size: number): number {
  try {
    const handle = openSync(file, 'a');
    if (fstatSync(handle).size > size) ftruncateSync(handle, size);
    return handle;
  } catch {
    throw new CliError('refused', `${file} cannot be written.`);
  }
}
