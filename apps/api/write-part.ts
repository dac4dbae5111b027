/** Writes a streamed answer part by part, at the client's speed. */
import type { Response } from 'express';
import { countLimitHit } from '#metrics';

/** A client that takes nothing for so long is dropped: what waits for it is kept in memory. */
const IDLE_READER_MS = 60_000;
/** What a client has to take within that time. */
const PIECE_BYTES = 64 * 1024;

/** Writes a part and waits until the client takes more. Returns false when the client has gone, or takes nothing. */
export async function writePart(
  res: Response,
  part: Buffer | string,
  idleMs = IDLE_READER_MS,
): Promise<boolean> {
  const bytes = typeof part === 'string' ? Buffer.from(part) : part;
  for (let start = 0; start < bytes.length && !res.destroyed; start += PIECE_BYTES) {
    if (!res.write(bytes.subarray(start, start + PIECE_BYTES))) await drained(res, idleMs);
  }
  return !res.destroyed;
}

function drained(res: Response, idleMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      res.off('drain', done).off('close', done);
      resolve();
    };
    const timer = setTimeout(() => {
      countLimitHit('idle_reader');
      res.destroy();
    }, idleMs);
    res.once('drain', done).once('close', done);
  });
}
