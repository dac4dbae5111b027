/** Writes a body to a nameless temporary file, for formats whose table of contents comes last. */
import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { tooLarge } from './faults';
import { openNameless, spoolFailed } from './open-nameless';

export interface SpooledBody {
  file: FileHandle;
  bytes: number;
}

/**
 * The caller closes the file. The body is not destroyed on a fault.
 * @throws AppError payload_too_large, unavailable; the body's own error. No file is left then
 */
export async function spoolBody(body: Readable, maxBytes: number): Promise<SpooledBody> {
  const file = await openNameless().catch((cause: unknown) => {
    throw spoolFailed(cause);
  });
  let bytes = 0;
  try {
    for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw tooLarge(`The limit is ${maxBytes} bytes.`);
      await file.appendFile(chunk).catch((cause: unknown) => {
        throw spoolFailed(cause);
      });
    }
    return { file, bytes };
  } catch (error) {
    await file.close();
    throw error;
  }
}
