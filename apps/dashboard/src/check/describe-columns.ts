/** What a file is, and the columns of a table, before it is known which of them is the id. */
import { AppError } from '#errors';
import { createCellConverter, TypeInference } from '#file/convert-cell';
import { nameColumns } from '#file/name-columns';
import { recognize } from '#file/recognize';
import { splitRecord } from '#file/split-record';
import { splitHeader } from '#pipeline/create-row-reader';
import type { FileCutter, SettledFile } from '#pipeline/cut/cut-file';
import type { Columns, OpenedFile } from './messages';
import { cutterOf } from './read-rows';

const HEAD_BYTES = 512 * 1024;
/** Types are guessed by so many rows; the check counts the cells behind them that do not fit. */
const MAX_RECORDS = 1_000;
const MAX_SAMPLES = 3;

const FORMAT_NAMES = { csv: 'CSV', json: 'JSON', ndjson: 'NDJSON', objects: 'JSON objects' } as const;
/** What the service unpacks and this page does not. */
const PACKED = ['a gzip file', 'a ZIP archive', 'an Excel workbook (XLSX)'];

/** @returns no columns when the file is no table, or its header cannot be read */
export async function describeColumns(task: OpenedFile): Promise<Columns> {
  const { file } = task;
  const head = Buffer.from(await file.slice(0, HEAD_BYTES).arrayBuffer());
  const foreign = recognize(head);
  if (foreign !== undefined && PACKED.includes(foreign.name)) return plain(foreign.name, false);
  const records: string[] = [];
  const keep = (raw: Buffer) => {
    if (records.length < MAX_RECORDS) records.push(raw.toString('utf8'));
  };
  const cutter = cutterOf(task);
  try {
    cutter.push(head, keep);
    if (file.size <= HEAD_BYTES) cutter.end(keep);
  } catch (error) {
    // The check says why.
    if (error instanceof AppError) return plain('', true);
    throw error;
  }
  const format = FORMAT_NAMES[cutter.format ?? 'ndjson'];
  return cutter.header === undefined ? plain(format, true) : columnsOf(cutter, cutter.header, records);
}

function plain(format: string, isReadable: boolean): Columns {
  return {
    format,
    isReadable,
    delimiter: undefined,
    idColumn: undefined,
    header: [],
    samples: [],
    types: [],
  };
}

function columnsOf(cutter: FileCutter, headerLine: Buffer, records: readonly string[]): Columns {
  const { delimiter } = cutter;
  const header = nameColumns(splitHeader(headerLine, delimiter));
  const cells = records.flatMap((record) => {
    const split = splitRecord(record, delimiter);
    return 'cells' in split ? [split.cells] : [];
  });
  const settled = settle(cutter);
  const converter = createCellConverter();
  return {
    ...plain(FORMAT_NAMES.csv, true),
    delimiter,
    idColumn: header[settled?.reading.idColumn ?? -1]?.name,
    header: header.map(({ name }) => name),
    samples: header.map(({ index }) => cells.flatMap((record) => record[index] || []).slice(0, MAX_SAMPLES)),
    types: header.map(({ index }) => {
      const inference = new TypeInference(converter);
      for (const record of cells) inference.add(record[index] ?? '');
      return inference.type;
    }),
  };
}

/** Undefined when no column is the id without doubt. */
function settle(cutter: FileCutter): SettledFile | undefined {
  try {
    return cutter.settle();
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}
