/** A file as its rows, cut by the service's own cutters, chunk by chunk and so in constant memory. */
import { formatOfName } from '#file/format-of-name';
import type { Entity } from '#job/entity';
import { createFileCutter, type FileCutter } from '#pipeline/cut/cut-file';
import type { FileTask, Kind, OpenedFile } from './messages';

export interface FileRow {
  /** 1-based. */
  row: number;
  /** 1-based; null in a JSON file. */
  line: number | null;
  raw: Buffer;
}

export const ENTITY_OF: Readonly<Record<Kind, Entity>> = { users: 'user', companies: 'company' };

/** The service's own cutter, for what it would be told of the file. */
export function cutterOf(task: OpenedFile & Partial<FileTask>): FileCutter {
  const { file, kind, delimiter, mapping } = task;
  const options = { delimiter, mapping, countsIds: true };
  return createFileCutter({ format: formatOfName(file.name) }, ENTITY_OF[kind], options);
}

/**
 * The rows of each chunk, and how many bytes were read. A row is only valid until the next one is asked for.
 * @throws AppError when the file is none that the service reads
 */
export async function* readRows(
  file: File,
  cutter: FileCutter,
): AsyncGenerator<{ rows: FileRow[]; bytes: number }, void> {
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
