/** How much an environment may keep: the bytes of its imports that retention has not deleted yet. */
import { AppError } from '#errors';
import { countLimitHit } from '#metrics';
import type { Queryable } from '#store/client';
import { readStoredBytes } from '#store/stored-imports';

export interface StorageRequest {
  environmentId: number;
  /** 0 or undefined = no quota. */
  maxStoredBytes: number | undefined;
  /** Bytes that are not counted yet. Default 1: an import has at least that. */
  more?: number;
}

/**
 * Refuses an import for which there is no room. Exact in the transaction that has made the job, where the job is counted
 * and nobody else can count before the commit; elsewhere a look at this moment.
 * @throws AppError storage_full
 */
export async function requireStorage(
  db: Queryable,
  { environmentId, maxStoredBytes, more = 1 }: StorageRequest,
): Promise<void> {
  if (!maxStoredBytes) return;
  const storedBytes = await readStoredBytes(db, environmentId);
  if (storedBytes + more <= maxStoredBytes) return;
  countLimitHit('stored_import_bytes');
  throw new AppError('storage_full', {
    details:
      `The limit is ${maxStoredBytes} bytes (MAX_STORED_BYTES). Room comes back as finished imports reach the age at which ` +
      'they are deleted (RETENTION_DAYS; dry runs: one day). Send less until then, or ask the operator for a higher limit.',
  });
}
