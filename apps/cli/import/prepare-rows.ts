/** Turns the rows of an input into lines that can be sent, by the server's own code, and finds those that cannot be. */
import { ENTITIES, type Entity } from '#job/entity';
import { type RowError, rowError } from '#job/outcome';
import { type Cells, parseRecord, parseRecords } from '#pipeline/csv-record';
import {
  type CellType,
  type ColumnMapping,
  MappingError,
  mapColumns,
  RecordWriter,
  typesOf,
} from '#pipeline/map-columns';
import { MAX_ROW_BYTES } from '#pipeline/read-row';
import { CliError } from '../exit-codes';
import type { InputRow, RowsOfInput } from './read-rows';
import type { Reading } from './request';

/** A row with the line of NDJSON that says it, or with the reason why there is none. */
export type PreparedRow = { input: InputRow } & ({ json: Buffer } | { error: RowError });

export interface PreparedRows {
  batches: AsyncIterable<PreparedRow[]>;
  /** Types of the columns of a CSV, once its first rows have come. */
  types(): CellType[] | undefined;
  /** Cells that were sent as text because they did not fit their column's type, by column. */
  misfits(): ReadonlyMap<string, number>;
}

/** Rows that are looked at before a column has its type. */
const INFERENCE_ROWS = 10_000;
const INFERENCE_BYTES = 16 * 1024 * 1024;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/**
 * @param known types of the columns that an interrupted import of the file had
 * @returns rows in order; `batches` throws CliError refused when the columns are not as they should be
 */
export function prepareRows(
  rows: RowsOfInput,
  entity: Entity,
  reading: Reading,
  known?: CellType[],
): PreparedRows {
  let writer: RecordWriter | undefined;
  let types = known;

  async function* prepare(): AsyncGenerator<PreparedRow[], void> {
    for await (const batch of types === undefined ? withLongStart(rows.batches) : rows.batches) {
      const header = rows.header();
      const records = header === undefined ? [] : parseRecords(batch.map(({ raw }) => raw));
      if (writer === undefined && header !== undefined) {
        const mapping = mappingOf(reading, ENTITIES[entity].idKey);
        const columns = columnsOf(header, entity, mapping);
        types ??= typesOf(columns, mapping, records);
        writer = new RecordWriter(columns, types);
      }
      yield batch.map((input, index) => prepareRow(input, writer, records[index]));
    }
  }

  return { batches: prepare(), types: () => types, misfits: () => writer?.misfits ?? new Map() };
}

function prepareRow(input: InputRow, writer: RecordWriter | undefined, cells: Cells): PreparedRow {
  if (input.raw.length > MAX_ROW_BYTES) return { input, error: rowError('row_too_large') };
  if (writer === undefined) return { input, json: onOneLine(input) };
  const json = writer.write(cells);
  if (json === undefined) return { input, error: rowError('invalid_json') };
  const line = Buffer.from(json);
  return line.length > MAX_ROW_BYTES ? { input, error: rowError('row_too_large') } : { input, json: line };
}

/**
 * A row that is to stand on a line of its own: an element of a JSON array may go over several. The whole array is known to
 * be right by then, so its line ends are between tokens; in any other row a stray one is a fault, and stays.
 */
export function onOneLine({ raw, line }: InputRow): Buffer {
  if (line !== null || (!raw.includes(LINE_FEED) && !raw.includes(CARRIAGE_RETURN))) return raw;
  return Buffer.from(raw.map((byte) => (byte === LINE_FEED || byte === CARRIAGE_RETURN ? SPACE : byte)));
}

function columnsOf(header: Buffer, entity: Entity, mapping: ColumnMapping) {
  try {
    return mapColumns(parseRecord(header) ?? [], ENTITIES[entity], mapping);
  } catch (error) {
    if (error instanceof MappingError) throw new CliError('refused', error.message);
    throw error;
  }
}

function mappingOf({ idColumn, companyColumn, skip, map, types }: Reading, idKey: string): ColumnMapping {
  return {
    idColumn: idColumn ?? idKey,
    companyColumn,
    renamed: new Map(map),
    skipped: new Set(skip),
    types: new Map(typeof types === 'string' ? [] : types),
    infers: types === 'infer',
  };
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
    start.push(...batch);
    bytes += batch.reduce((sum, { raw }) => sum + raw.length, 0);
    if (start.length < INFERENCE_ROWS && bytes < INFERENCE_BYTES) continue;
    yield start;
    start = undefined;
  }
  if (start !== undefined && start.length > 0) yield start;
}
