/**
 * Deletes jobs that ended long ago, with their rows and results, in batches that hold no lock for long. Dry runs are kept
 * for a day only.
 */
import type { Store } from './client';
import { deleteExpiredKeys } from './idempotency-keys';
import { deleteOldDeliveries } from './webhook-deliveries';
import { deleteWorkOfEnded } from './worker-shares';

const BATCH_ROWS = 5_000;
/** Any number that no one else locks; spells MSTD. */
const RETENTION_LOCK = 0x4d535444;
const TABLES = ['row_tails', 'row_repeats', 'staged_rows', 'row_results'] as const;
/** How long an Idempotency-Key is remembered. */
const KEY_HOURS = 24;
/** How long a dry run is kept after its end: as long at least as a key that gives its answer again. */
export const DRY_RUN_DAYS = 1;

/**
 * Deletes one batch. One runner at a time over all workers.
 * @param days since the end of a job
 * @returns whether there may be more to delete
 */
export async function deleteExpired(store: Store, days: number): Promise<boolean> {
  return store.transaction(async (tx) => {
    const lock = await tx.query<{ granted: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS granted', [
      RETENTION_LOCK,
    ]);
    if (!lock.rows[0]?.granted) return false;
    await deleteExpiredKeys(tx, KEY_HOURS);
    await deleteWorkOfEnded(tx);
    if (await deleteOldDeliveries(tx, days)) return true;
    const { rows } = await tx.query<{ id: string; environmentId: number }>(
      `(SELECT id, environment_id AS "environmentId" FROM jobs
        WHERE ended_at < clock_timestamp() - $1 * interval '1 day' ORDER BY ended_at LIMIT 1)
       UNION ALL
       (SELECT id, environment_id FROM jobs
        WHERE dry_run AND ended_at < clock_timestamp() - $2 * interval '1 day' ORDER BY ended_at LIMIT 1)
       LIMIT 1`,
      [days, DRY_RUN_DAYS],
    );
    const [job] = rows;
    if (job === undefined) return false;
    for (const table of TABLES) {
      const { rowCount } = await tx.query(
        `DELETE FROM ${table} WHERE environment_id = $1 AND job_id = $2 AND row IN (
           SELECT row FROM ${table} WHERE environment_id = $1 AND job_id = $2 LIMIT ${BATCH_ROWS})`,
        [job.environmentId, job.id],
      );
      if (rowCount === BATCH_ROWS) return true;
    }
    for (const table of ['job_warnings', 'observed_properties', 'dry_run_profiles']) {
      const values = [job.environmentId, job.id];
      await tx.query(`DELETE FROM ${table} WHERE environment_id = $1 AND job_id = $2`, values);
    }
    await tx.query('DELETE FROM jobs WHERE id = $1', [job.id]);
    return true;
  });
}
