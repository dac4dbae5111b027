/** A file as its rows, cut by the service's own cutters, chunk by chunk and so in constant memory. */
import { ENTITIES, type Entity } from '#job/entity';
import { createCutter } from '#pipeline/cut/create-cutter';
import type { RowCutter } from '#pipeline/cut/row-cutter';
import type { FileTask, Kind } from './messages';

export interface FileRow {
  /** 1-based. */
  row: number;
  /** 1-based; null in a JSON file. */
  line: number | null;
  raw: Buffer;
}

export interface FileRows {
  /** The header of a CSV, once a row has come. */
  header(): Buffer | undefined;
  /** The rows of each chunk, and how many bytes were read. A row is only valid until the next one is asked for. */
  chunks: AsyncIterable<{ rows: FileRow[]; bytes: number }>;
}

export const ENTITY_OF: Readonly<Record<Kind, Entity>> = { users: 'user', companies: 'company' };

/** @throws AppError, from its chunks, when the file is none of its format */
export function readRows(task: Omit<FileTask, 'kind'>, kind: Kind): FileRows {
  const cutter = createCutter(task.format, ENTITIES[ENTITY_OF[kind]], task.mapping?.idColumn);
  return { header: () => cutter.header, chunks: cut(task.file, cutter) };
}

async function* cut(file: File, cutter: RowCutter): FileRows['chunks'] {
  let [count, bytes] = [0, 0];
  let rows: FileRow[] = [];
  const add = (raw: Buffer, line: number | null) => rows.push({ row: ++count, line, raw: Buffer.from(raw) });
  const take = () => {
    const taken = { rows, bytes };
    rows = [];
    return taken;
  };
  const reader = file.stream().getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.length;
    cutter.push(Buffer.from(value.buffer, value.byteOffset, value.length), add);
    yield take();
  }
  cutter.end(add);
  yield take();
}
