/** The columns of a CSV, before it is known which of them is the id. */
import { ENTITIES } from '#job/entity';
import { parseRecord, parseRecords } from '#pipeline/csv-record';
import { createCutter } from '#pipeline/cut/create-cutter';
import { type Column, typesOf } from '#pipeline/map-columns';
import type { Columns } from './messages';

const HEAD_BYTES = 512 * 1024;
/** Types are guessed by so many rows; the check counts the cells behind them that do not fit. */
const MAX_RECORDS = 1_000;
const MAX_SAMPLES = 3;

/** @returns no columns when the file has no header that can be read */
export async function describeColumns(file: File): Promise<Columns> {
  const head = Buffer.from(await file.slice(0, HEAD_BYTES).arrayBuffer());
  const records: Buffer[] = [];
  const keep = (raw: Buffer) => records.length < MAX_RECORDS && records.push(Buffer.from(raw));
  const cutter = createCutter('csv', ENTITIES.user, null);
  cutter.push(head, keep);
  if (file.size <= HEAD_BYTES) cutter.end(keep);
  const header = (cutter.header && parseRecord(cutter.header)) ?? [];
  const columns: Column[] = header.map((name) => ({ name, key: name, place: 'metadata' }));
  const cells = parseRecords(records);
  const samplesOf = (index: number) => cells.flatMap((record) => record?.[index] || []).slice(0, MAX_SAMPLES);
  return {
    header,
    samples: header.map((_, index) => samplesOf(index)),
    types: typesOf(columns, { types: new Map(), infers: true }, cells),
  };
}
