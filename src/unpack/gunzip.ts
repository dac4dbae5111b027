/** The bytes within a gzip stream. */
import { finished, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { broken } from './faults';
import { keepErrors } from './peek';

const CHUNK_BYTES = 64 * 1024;

export interface Gunzipped {
  /** Fails with AppError invalid_json when the data is broken, and with the source's own error when that breaks off. */
  body: Readable;
  /** Leaves the source alone, with what is not read of it. Repeatable. */
  stop(): void;
}

/** The source is never destroyed: a client that is still writing is to read its answer. */
export function gunzip(source: Readable): Gunzipped {
  const unzip = keepErrors(createGunzip({ chunkSize: CHUNK_BYTES }));
  const unwatch = finished(source, { writable: false }, (error) => {
    if (error) unzip.destroy(error);
  });
  source.pipe(unzip);
  const body = keepErrors(Readable.from(readAll(unzip), { objectMode: false, highWaterMark: CHUNK_BYTES }));
  const stop = () => {
    unwatch();
    source.unpipe(unzip);
    unzip.destroy();
    body.destroy();
  };
  return { body, stop };
}

async function* readAll(unzip: Readable): AsyncGenerator<Buffer, void> {
  try {
    yield* unzip as AsyncIterable<Buffer>;
  } catch (error) {
    const isZlib = String((error as NodeJS.ErrnoException).code).startsWith('Z_');
    throw isZlib ? broken('gzip data', error) : error;
  }
}
