/**
 * The temporary file in which the rows of a large upload wait until the upload is whole. The file has no name as soon as
 * it is open, so the operating system gives its space back whenever the upload ends, also when the process is killed.
 * Never holds more than one piece in memory.
 */
import type { FileHandle } from 'node:fs/promises';
import type { RowTail } from '#store/row-tails';
import { openNameless, spoolFailed } from '#unpack/open-nameless';

/** What is written to the database by one statement each: rows in the form of COPY, and pieces of rows that are too long. */
export interface Staged {
  rows: Buffer;
  tails: readonly RowTail[];
}

/** Where a piece of the file is cut; the bytes stand in the file in this order. */
interface Layout {
  position: number;
  rowBytes: number;
  tails: readonly { row: number; piece: number; bytes: number }[];
}

export class UploadSpool {
  private file: FileHandle | undefined;
  private readonly layouts: Layout[] = [];
  private bytes = 0;

  /** How many were added. */
  get pieces(): number {
    return this.layouts.length;
  }

  /**
   * Adds a piece at the end. Its buffers may be used again afterwards.
   * @throws AppError unavailable when the temporary folder cannot be written or is full
   */
  async add({ rows, tails }: Staged): Promise<void> {
    try {
      this.file ??= await openNameless();
      await this.file.appendFile(rows);
      for (const { raw } of tails) await this.file.appendFile(raw);
    } catch (cause) {
      throw spoolFailed(cause);
    }
    const cuts = tails.map(({ row, piece, raw }) => ({ row, piece, bytes: raw.length }));
    this.layouts.push({ position: this.bytes, rowBytes: rows.length, tails: cuts });
    this.bytes += rows.length + cuts.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /**
   * The pieces from one index up to another one, which is not among them.
   * @throws AppError unavailable when the file cannot be read
   */
  async *read(from: number, to: number): AsyncGenerator<Staged> {
    for (const { position, rowBytes, tails } of this.layouts.slice(from, to)) {
      let at = position + rowBytes;
      const rows = await readFully(this.file, position, rowBytes);
      const read: RowTail[] = [];
      for (const { row, piece, bytes } of tails) {
        read.push({ row, piece, raw: await readFully(this.file, at, bytes) });
        at += bytes;
      }
      yield { rows, tails: read };
    }
  }

  /** Gives the space back. Repeatable. */
  async close(): Promise<void> {
    const file = this.file;
    this.file = undefined;
    this.layouts.length = 0;
    await file?.close();
  }
}

async function readFully(file: FileHandle | undefined, position: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(bytes);
  for (let filled = 0; filled < bytes; ) {
    const bytesRead = await file
      ?.read(buffer, filled, bytes - filled, position + filled)
      .then((read) => read.bytesRead)
      .catch((cause: unknown) => {
        throw spoolFailed(cause);
      });
    if (!bytesRead) throw spoolFailed(new Error('the spool file ended early'));
    filled += bytesRead;
  }
  return buffer;
}
