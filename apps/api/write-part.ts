/** Writes a streamed answer part by part, at the client's speed. */
import type { Response } from 'express';

/** Writes a part and waits until the client takes more. Returns false when the client has gone. */
export async function writePart(res: Response, part: Buffer | string): Promise<boolean> {
  if (res.destroyed) return false;
  if (part.length > 0 && !res.write(part)) await drained(res);
  return !res.destroyed;
}

function drained(res: Response): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      res.off('drain', done).off('close', done);
      resolve();
    };
    res.once('drain', done).once('close', done);
  });
}
