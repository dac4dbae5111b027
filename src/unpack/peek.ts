/** Looks at the beginning of a body without taking anything from it, and waits for no more than it needs. */
import { Readable } from 'node:stream';
import { AppError } from '#errors';

/**
 * @param isEnough whether these first bytes tell what is asked
 * @returns the first bytes, fewer than enough only when there are no more, and a body that begins with them
 * @throws the body's own error when it breaks off
 */
export async function peek(
  body: Readable,
  isEnough: (head: Buffer) => boolean,
): Promise<{ head: Buffer; body: Readable }> {
  let head: Buffer = Buffer.alloc(0);
  for (;;) {
    const chunk = body.read() as Buffer | null;
    if (chunk !== null) {
      head = Buffer.concat([head, chunk]);
      if (!isEnough(head)) continue;
      body.unshift(head);
      return { head, body };
    }
    if (body.errored) throw body.errored;
    // Nothing can be put back into a stream that has ended.
    if (body.readableEnded) return { head, body: Readable.from([head], { objectMode: false }) };
    if (body.destroyed) throw new AppError('upload_aborted');
    await change(body);
  }
}

/**
 * Lets an error of a stream wait for its reader: without a listener it would end the process when it comes while nobody
 * reads. Whoever reads on gets it all the same.
 */
export function keepErrors<S extends Readable>(stream: S): S {
  return stream.on('error', () => {});
}

/** More bytes, or the end. */
function change(body: Readable): Promise<void> {
  const events = ['readable', 'end', 'error', 'close'];
  return new Promise((resolve) => {
    const done = () => {
      for (const event of events) body.off(event, done);
      resolve();
    };
    for (const event of events) body.on(event, done);
  });
}
