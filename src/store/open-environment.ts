/** An environment that is being deleted takes nothing in any more. */
import { AppError } from '#errors';
import type { Queryable, Transaction } from './client';
import { ERASURE_LOCK } from './erase';

/**
 * For who takes something in: until the transaction ends the environment is not deleted and nobody in it is erased.
 * @throws AppError unauthorized when it is being deleted or gone: its keys open nothing
 */
export async function requireOpenEnvironment(tx: Transaction, environmentId: number): Promise<void> {
  const { rowCount } = await tx.query({
    name: 'require-open-environment',
    text: `SELECT pg_advisory_xact_lock_shared($1, $2) FROM environments
           WHERE id = $2 AND deleting_at IS NULL FOR KEY SHARE`,
    values: [ERASURE_LOCK, environmentId],
  });
  if (rowCount !== 1) throw environmentGone();
}

/** As for any key that is not known. */
export function environmentGone(): AppError {
  return new AppError('unauthorized', { headers: { 'WWW-Authenticate': 'Token realm="muster"' } });
}

/** Since when the environment is being deleted; null when it is not, undefined when there is none of this slug. */
export async function findDeletion(db: Queryable, slug: string): Promise<Date | null | undefined> {
  const { rows } = await db.query<{ deletingAt: Date | null }>(
    'SELECT deleting_at AS "deletingAt" FROM environments WHERE slug = $1',
    [slug],
  );
  return rows[0]?.deletingAt;
}
