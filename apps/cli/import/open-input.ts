/** The bytes of a file or of standard input, decompressed, and what they are. */
import { createReadStream, statSync } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { CliError } from '../exit-codes';

export const FORMATS = ['ndjson', 'json', 'csv'] as const;
export type Format = (typeof FORMATS)[number];

export interface Input {
  /** As the server shows it. */
  name: string;
  format: Format;
  /** Size of the file on disk; undefined for standard input. */
  size: number | undefined;
  /** Bytes of it that were read so far: with `size`, how far the import is. */
  bytesRead(): number;
  chunks: AsyncIterable<Buffer>;
}

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);

/**
 * @param file a path, or `-` for standard input
 * @throws CliError refused when there is no such file; reading it throws CliError refused for broken gzip
 */
export async function openInput(file: string, format: Format | undefined): Promise<Input> {
  const isStdin = file === '-';
  const size = isStdin ? undefined : sizeOf(file);
  const source: Readable = isStdin ? process.stdin : createReadStream(file, { highWaterMark: 256 * 1024 });
  let read = 0;
  const counted = countBytes(source, (bytes) => {
    read += bytes;
  });
  const first = await counted.next();
  const head: Buffer = first.done ? Buffer.alloc(0) : first.value;
  const whole = startingWith(head, counted);
  const isGzip = head.subarray(0, 2).equals(GZIP_MAGIC);
  const chunks = isGzip ? gunzip(whole) : whole;
  const name = isStdin ? 'stdin' : path.basename(file).replace(/\.gz$/i, '');
  if (format !== undefined) return { name, format, size, bytesRead: () => read, chunks };
  const byName = formatByName(name);
  if (byName !== undefined) return { name, format: byName, size, bytesRead: () => read, chunks };
  const peeked = await peek(chunks);
  return { name, format: formatByText(peeked.head), size, bytesRead: () => read, chunks: peeked.chunks };
}

function sizeOf(file: string): number {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) throw new CliError('refused', `There is no file ${file}.`);
  if (stat.isDirectory()) throw new CliError('refused', `${file} is a folder.`);
  return stat.size;
}

function formatByName(name: string): Format | undefined {
  if (/\.csv$/i.test(name)) return 'csv';
  if (/\.json$/i.test(name)) return 'json';
  return /\.(ndjson|jsonl)$/i.test(name) ? 'ndjson' : undefined;
}

/** An envelope `{"users": [...]}` begins like a row of NDJSON: that wants --format json. */
function formatByText(head: Buffer): Format {
  const text = head
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart();
  if (text.startsWith('[')) return 'json';
  return text.startsWith('{') || text === '' ? 'ndjson' : 'csv';
}

async function* countBytes(source: Readable, count: (bytes: number) => void): AsyncGenerator<Buffer, void> {
  for await (const chunk of source as AsyncIterable<Buffer>) {
    count(chunk.length);
    yield chunk;
  }
}

async function* startingWith(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  if (head.length > 0) yield head;
  yield* rest;
}

async function* gunzip(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  const { Readable } = await import('node:stream');
  try {
    yield* Readable.from(source, { objectMode: false }).compose(createGunzip()) as AsyncIterable<Buffer>;
  } catch (error) {
    if (!String((error as NodeJS.ErrnoException).code).startsWith('Z_')) throw error;
    throw new CliError('refused', 'The gzip data is broken or cut off.');
  }
}

async function peek(chunks: AsyncIterable<Buffer>): Promise<{ head: Buffer; chunks: AsyncIterable<Buffer> }> {
  const iterator = chunks[Symbol.asyncIterator]();
  const first = await iterator.next();
  const head = first.done ? Buffer.alloc(0) : first.value;
  return { head, chunks: startingWith(head, { [Symbol.asyncIterator]: () => iterator }) };
}
