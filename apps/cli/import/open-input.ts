/** The bytes of a file or of standard input, unpacked, and what they are. */

import { createReadStream } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { AppError } from '#errors';
import { formatOfName } from '#file/format-of-name';
import type { Format } from '#pipeline/cut/cut-file';
import { type Found, type Unpacked, unpack } from '#unpack/unpack';
import { CliError } from '../exit-codes';

export interface Input {
  /** As the server shows it. */
  name: string;
  /** Undefined: by what is in it. */
  format: Format | undefined;
  /** What the file was packed in. */
  found: Found;
  /** Bytes of the file that were read so far, as they are on disk. */
  bytesRead(): number;
  /** To be read to the end, or left: what is open for it is closed then. */
  chunks: AsyncIterable<Buffer>;
}

/** How a file is opened, as far as the flags say it. */
export interface OpenOptions {
  /** Undefined: by the name, else by what is in it. */
  format?: Format | undefined;
  /** Of a workbook. */
  sheet?: string | undefined;
}

const CHUNK_BYTES = 256 * 1024;

/**
 * @param file a path, or `-` for standard input
 * @throws CliError refused when it cannot be read or unpacked; `chunks` throws that or AppError for what is broken
 */
export async function openInput(file: string, { format, sheet }: OpenOptions): Promise<Input> {
  const isStdin = file === '-';
  const source: Readable = isStdin ? process.stdin : createReadStream(file, { highWaterMark: CHUNK_BYTES });
  let read = 0;
  const counted = countBytes(source, (bytes) => {
    read += bytes;
  });
  const name = isStdin ? 'stdin' : path.basename(file).replace(/\.gz$/i, '');
  const body = Readable.from(counted, { objectMode: false, highWaterMark: CHUNK_BYTES });
  const unpacked = await unpack(body, { maxBytes: Number.POSITIVE_INFINITY, sheet }).catch(
    (error: unknown) => {
      throw error instanceof AppError ? new CliError('refused', `${name}: ${error.details}`) : error;
    },
  );
  const { body: _body, dispose: _dispose, ...found } = unpacked;
  return {
    name,
    format: found.container === 'xlsx' ? 'csv' : (format ?? formatOfName(found.name ?? name)),
    found,
    bytesRead: () => read,
    chunks: chunksOf(unpacked),
  };
}

async function* chunksOf({ body, dispose }: Unpacked): AsyncGenerator<Buffer, void> {
  try {
    yield* body as AsyncIterable<Buffer>;
  } finally {
    await dispose();
  }
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
