/** Temporary files without a name: the operating system gives their space back however the process ends. */
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AppError } from '#errors';

const RETRY_AFTER_SECONDS = 10;

/** In the folder of the environment variable TMPDIR, /tmp without it. */
export async function openNameless(): Promise<FileHandle> {
  const name = path.join(tmpdir(), `muster-upload-${randomUUID()}`);
  const file = await open(name, 'wx+', 0o600);
  await unlink(name);
  return file;
}

/** What a client is told when the temporary file cannot be written or read. */
export function spoolFailed(cause: unknown): AppError {
  return new AppError('unavailable', {
    details: 'The temporary folder for uploads cannot be used or is full.',
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    cause,
  });
}
