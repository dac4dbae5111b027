/** Finds the rows of a part that no server could take, so that they cost nobody else their import. */
import { type RowError, rowError } from '#job/outcome';
import { MAX_ROW_BYTES } from '#pipeline/read-row';
import type { CsvRowWriter } from './csv-row';
import type { Part } from './cut-parts';
import type { FailedRow } from './error-file';
import type { InputRow } from './read-rows';

export interface SendableRow {
  input: InputRow;
  /** One line of NDJSON, without its end. */
  json: Buffer;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/** @param writer of a CSV */
export function checkPart(
  { rows }: Part,
  writer: CsvRowWriter | undefined,
): { sendable: SendableRow[]; refused: FailedRow[] } {
  const sendable: SendableRow[] = [];
  const refused: FailedRow[] = [];
  const refuse = (input: InputRow, error: RowError) => refused.push({ input, id: null, errors: [error] });
  for (const input of rows) {
    const json = writer === undefined ? toLine(input.raw) : writer.write(input.raw);
    if (json === undefined) refuse(input, rowError('invalid_json'));
    else if (json.length > MAX_ROW_BYTES) refuse(input, rowError('row_too_large'));
    else sendable.push({ input, json });
  }
  return { sendable, refused };
}

/** An element of a JSON array may go over lines; JSON has line ends between its tokens only. */
function toLine(raw: Buffer): Buffer {
  if (!raw.includes(LINE_FEED) && !raw.includes(CARRIAGE_RETURN)) return raw;
  return raw.map((byte) => (byte === LINE_FEED || byte === CARRIAGE_RETURN ? SPACE : byte)) as Buffer;
}
