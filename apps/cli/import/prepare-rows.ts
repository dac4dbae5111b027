/** Turns the rows of an input into lines that can be sent, by the server's own code, and finds those that cannot be. */
import type { Entity } from '#job/entity';
import { type RowError, rowError } from '#job/outcome';
import type { CellType, Reading } from '#job/reading';
import { createRowTexts, isError, type RowTexts } from '#pipeline/create-row-reader';
import type { SettledFile } from '#pipeline/cut/cut-file';
import { MAX_ROW_BYTES } from '#pipeline/read-row';
import type { InputRow, RowsOfInput } from './read-rows';

/** A row with the line of NDJSON that says it, or with the reason why there is none. */
export type PreparedRow = { input: InputRow } & ({ json: Buffer } | { error: RowError });

export interface PreparedRows {
  batches: AsyncIterable<PreparedRow[]>;
  /** Types of the columns of a table, once its first rows have come. */
  types(): CellType[] | undefined;
  /** How the rows are read, once the first have come. */
  reading(): Reading;
  /** Cells that were sent as text because they did not fit their column's type, by column. */
  misfits(): ReadonlyMap<string, number>;
}

/** Rows that are looked at before it is told how they are to be read. */
const SAMPLE_ROWS = 10_000;
const SAMPLE_BYTES = 16 * 1024 * 1024;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/**
 * @param known types of the columns that an interrupted import of the file had
 * @param tell what was found in the file, before the first row is handed on
 * @returns rows in order; `batches` throws CliError refused when the columns are not as they should be
 */
export function prepareRows(
  rows: RowsOfInput,
  entity: Entity,
  tell: (found: SettledFile) => void,
  known?: CellType[],
): PreparedRows {
  let texts: RowTexts | undefined;
  let types = known;
  let reading: Reading = {};

  async function* prepare(): AsyncGenerator<PreparedRow[], void> {
    for await (const batch of withLongStart(rows.batches)) {
      if (texts === undefined) {
        const settled = rows.settle();
        tell(settled);
        types ??= settled.reading.cellTypes;
        reading = { ...settled.reading, ...(types && { cellTypes: types }) };
        texts = createRowTexts({ entity, csvHeader: rows.header() ?? null, reading });
      }
      const { write } = texts;
      yield batch.map((input) => prepareRow(input, write(input.raw, input.line)));
    }
  }

  return {
    batches: prepare(),
    types: () => types,
    reading: () => reading,
    misfits: () => texts?.misfits ?? new Map(),
  };
}

function prepareRow(input: InputRow, text: Buffer | RowError): PreparedRow {
  if (isError(text)) return { input, error: text };
  if (text.length > MAX_ROW_BYTES) return { input, error: rowError('row_too_large') };
  return { input, json: onOneLine({ ...input, raw: text }) };
}

/**
 * A row that is to stand on a line of its own: an element of a JSON array may go over several. The whole array is known to
 * be right by then, so its line ends are between tokens; in any other row a stray one is a fault, and stays.
 */
export function onOneLine({ raw, line }: InputRow): Buffer {
  if (line !== null || (!raw.includes(LINE_FEED) && !raw.includes(CARRIAGE_RETURN))) return raw;
  return Buffer.from(raw.map((byte) => (byte === LINE_FEED || byte === CARRIAGE_RETURN ? SPACE : byte)));
}

/** Makes the first batch long enough to see what a column holds. */
async function* withLongStart(batches: AsyncIterable<InputRow[]>): AsyncGenerator<InputRow[], void> {
  let start: InputRow[] | undefined = [];
  let bytes = 0;
  for await (const batch of batches) {
    if (start === undefined) {
      yield batch;
      continue;
    }
    for (const row of batch) start.push(row);
    bytes += batch.reduce((sum, { raw }) => sum + raw.length, 0);
    if (start.length < SAMPLE_ROWS && bytes < SAMPLE_BYTES) continue;
    yield start;
    start = undefined;
  }
  if (start !== undefined && start.length > 0) yield start;
}
