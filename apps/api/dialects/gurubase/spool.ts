/**
 * Holds a body that has to be read twice: once to see that it is whole and valid, once to act on it. A small one stays in
 * memory; a large one goes to a temporary file that has no name any more, so that it is gone with the process.
 */
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** More than this goes to the file. */
const MAX_MEMORY_BYTES = 256 * 1024;

export class Spool {
  private chunks: Buffer[] = [];
  private bytes = 0;
  private file: FileHandle | undefined;

  async add(chunk: Buffer): Promise<void> {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    if (this.bytes <= MAX_MEMORY_BYTES) return;
    this.file ??= await openUnnamed();
    await this.file.appendFile(Buffer.concat(this.chunks));
    this.chunks = [];
    this.bytes = 0;
  }

  /** Everything that was added, in order. */
  async *read(): AsyncGenerator<Buffer> {
    if (this.file !== undefined) {
      yield* this.file.createReadStream({ start: 0, autoClose: false }) as AsyncIterable<Buffer>;
    }
    yield* this.chunks;
  }

  async close(): Promise<void> {
    await this.file?.close();
  }
}

async function openUnnamed(): Promise<FileHandle> {
  const name = path.join(tmpdir(), `muster-${randomUUID()}`);
  const file = await open(name, 'ax+', 0o600);
  await unlink(name);
  return file;
}
