/** The columns of a CSV, before it is known which of them is the id. */
import { parseRecord } from '#pipeline/csv-record';
import { createCsvCutter } from '#pipeline/cut/csv';
import { type Column, typesOf } from '#pipeline/map-columns';
import type { Columns } from './messages';

const HEAD_BYTES = 512 * 1024;
/** Types are guessed by so many rows; the check counts the cells behind them that do not fit. */
const MAX_RECORDS = 1_000;
const MAX_SAMPLES = 3;
const LINE_FEED = 0x0a;
const QUOTE = 0x22;

/** @returns no columns when the file has no header that can be read */
export async function describeColumns(file: File): Promise<Columns> {
  const head = Buffer.from(await file.slice(0, HEAD_BYTES).arrayBuffer());
  const header = readHeader(head);
  const [first] = header;
  if (first === undefined) return { header: [], samples: [], types: [] };
  const records: Buffer[] = [];
  const keep = (raw: Buffer) => records.length < MAX_RECORDS && records.push(Buffer.from(raw));
  const cutter = createCsvCutter({ idColumn: first, missing: 'missing_users' });
  cutter.push(head, keep);
  if (file.size <= HEAD_BYTES) cutter.end(keep);
  const columns: Column[] = header.map((name) => ({ name, key: name, isMetadata: true }));
  const cells = records.slice(0, 20).map((raw) => parseRecord(raw) ?? []);
  const samplesOf = (index: number) =>
    cells.map((record) => record[index] ?? '').filter((cell) => cell !== '');
  return {
    header,
    samples: header.map((_, index) => samplesOf(index).slice(0, MAX_SAMPLES)),
    types: typesOf(columns, { types: new Map(), infers: true }, records),
  };
}

/** The first record that is not empty: as far as the first line end outside quotes. */
function readHeader(head: Buffer): string[] {
  let isQuoted = false;
  let start = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
  for (let at = start; at <= head.length; at++) {
    if (head[at] === QUOTE) isQuoted = !isQuoted;
    if (at < head.length && (isQuoted || head[at] !== LINE_FEED)) continue;
    const line = head.subarray(start, head[at - 1] === 0x0d ? at - 1 : at);
    if (line.length > 0) return parseRecord(line) ?? [];
    start = at + 1;
  }
  return [];
}
