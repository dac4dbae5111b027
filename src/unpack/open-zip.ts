/** A ZIP archive in a file: its entries, and what is in them. Never writes anything that it unpacks. */
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl';
import { AppError } from '#errors';
import { broken, foreign, tooLarge } from './faults';
import { spoolFailed } from './open-nameless';

/** A workbook has some dozens; the list is held in memory. */
const MAX_ENTRIES = 10_000;
const CHUNK_BYTES = 64 * 1024;
const [STORED, DEFLATED] = [0, 8];

export class Zip {
  private constructor(
    private readonly zip: ZipFile,
    /** Without folders. */
    readonly entries: readonly Entry[],
  ) {}

  /**
   * @param file stays the caller's
   * @throws AppError invalid_json, payload_too_large, unavailable
   */
  static async open(file: FileHandle, bytes: number): Promise<Zip> {
    try {
      const zip = await fromRandomAccessReaderPromise(new FileReader(file), bytes, {
        autoClose: false,
        lazyEntries: true,
      });
      if (zip.entryCount > MAX_ENTRIES)
        throw tooLarge(`The zip archive has more than ${MAX_ENTRIES} entries.`);
      const entries: Entry[] = [];
      let packed = 0;
      for await (const entry of zip.eachEntry()) {
        packed += entry.compressedSize;
        // Entries that share their bytes: each of them would be unpacked anew.
        if (packed > bytes) throw broken('zip archive');
        if (!entry.fileName.endsWith('/')) entries.push(entry);
      }
      return new Zip(zip, entries);
    } catch (error) {
      throw error instanceof AppError ? error : broken('zip archive', error);
    }
  }

  /**
   * The bytes of an entry, checked against their size and checksum when they end.
   * @throws AppError invalid_json, unavailable
   */
  async *read(entry: Entry): AsyncGenerator<Buffer, void> {
    if (entry.isEncrypted()) throw foreign('an archive with a password', 'Send the file without one.');
    if (![STORED, DEFLATED].includes(entry.compressionMethod))
      throw foreign(
        'an archive of a rare kind',
        'Pack the file as a common zip archive, or send it as it is.',
      );
    let sum = 0;
    try {
      const stream = await this.zip.openReadStreamPromise(entry);
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        sum = crc32(chunk, sum);
        yield chunk;
      }
    } catch (error) {
      throw error instanceof AppError ? error : broken('zip archive', error);
    }
    if (sum !== entry.crc32) throw broken('zip archive');
  }
}

/** yauzl opens a file by its number and closes it by itself; this one leaves that to us. */
class FileReader extends RandomAccessReader {
  constructor(private readonly file: FileHandle) {
    super();
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(readRange(this.file, start, end), { objectMode: false });
  }

  override close(done: (error: Error | null) => void): void {
    done(null);
  }
}

async function* readRange(file: FileHandle, start: number, end: number): AsyncGenerator<Buffer, void> {
  for (let at = start; at < end; ) {
    const length = Math.min(CHUNK_BYTES, end - at);
    const { buffer, bytesRead } = await file
      .read(Buffer.allocUnsafe(length), 0, length, at)
      .catch((cause: unknown) => {
        throw spoolFailed(cause);
      });
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
