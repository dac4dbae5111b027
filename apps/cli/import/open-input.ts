/** The bytes of a file or of standard input, decompressed, and what they are. */
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Format } from '#pipeline/cut/cut-file';
import { CliError } from '../exit-codes';

export interface Input {
  /** As the server shows it. */
  name: string;
  /** Undefined: by what is in it. */
  format: Format | undefined;
  /** Bytes of the file that were read so far, as they are on disk. */
  bytesRead(): number;
  chunks: AsyncIterable<Buffer>;
}

const CHUNK_BYTES = 256 * 1024;
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);

/**
 * @param file a path, or `-` for standard input
 * @param format undefined: by the name, else by what is in it
 * @throws CliError refused when it cannot be read; `chunks` throws that for broken gzip
 */
export async function openInput(file: string, format: Format | undefined): Promise<Input> {
  const isStdin = file === '-';
  const source: Readable = isStdin ? process.stdin : createReadStream(file, { highWaterMark: CHUNK_BYTES });
  let read = 0;
  const packed = await peek(
    countBytes(source, (bytes) => {
      read += bytes;
    }),
    GZIP_MAGIC.length,
  );
  const isGzip = packed.head.subarray(0, GZIP_MAGIC.length).equals(GZIP_MAGIC);
  const chunks = isGzip ? gunzip(packed.chunks) : packed.chunks;
  const name = isStdin ? 'stdin' : path.basename(file).replace(/\.gz$/i, '');
  return { name, format: format ?? formatOf(name), bytesRead: () => read, chunks };
}

function formatOf(name: string): Format | undefined {
  if (/\.(?:csv|tsv)$/i.test(name)) return 'csv';
  return /\.(?:ndjson|jsonl)$/i.test(name) ? 'ndjson' : undefined;
}

async function* countBytes(source: Readable, count: (bytes: number) => void): AsyncGenerator<Buffer, void> {
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      count(chunk.length);
      yield chunk;
    }
  } catch (error) {
    throw new CliError('refused', `The input cannot be read: ${(error as NodeJS.ErrnoException).code}.`);
  }
}

async function* gunzip(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  const unpacked = Readable.from(source, { objectMode: false }).compose(
    createGunzip({ chunkSize: CHUNK_BYTES }),
  );
  try {
    yield* unpacked as AsyncIterable<Buffer>;
  } catch (error) {
    if (!String((error as NodeJS.ErrnoException).code).startsWith('Z_')) throw error;
    throw new CliError('refused', 'The gzip data is broken or cut off.');
  }
}

/** Reads at least so many bytes, unless there are no more, and gives them with all chunks from the first on. */
async function peek(
  source: AsyncIterable<Buffer>,
  bytes: number,
): Promise<{ head: Buffer; chunks: AsyncIterable<Buffer> }> {
  const iterator = source[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  while (head.length < bytes) {
    const next = await iterator.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
  }
  return { head, chunks: startingWith(head, { [Symbol.asyncIterator]: () => iterator }) };
}

async function* startingWith(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  if (head.length > 0) yield head;
  yield* rest;
}
