/**
 * The throttle's memory, in the database, so that no restart and no number of workers can exceed the limit. The clock
 * is the database's. The arithmetic is in src/pipeline/throttle.ts.
 */
import type { Queryable, Transaction } from './client';

/** Times in milliseconds of the database's clock. */
export interface StoredPace {
  nextDueAtMs: number;
  recent: readonly { atMs: number; rows: number }[];
}

/** Locks the environment's pace until the transaction ends. */
export async function lockPace(
  tx: Transaction,
  environmentId: number,
): Promise<{ pace: StoredPace; nowMs: number }> {
  await tx.query('INSERT INTO paces (environment_id) VALUES ($1) ON CONFLICT DO NOTHING', [environmentId]);
  const { rows } = await tx.query<{
    nextDueAtMs: number;
    recentAtMs: number[];
    recentRows: number[];
    unstamped: boolean;
    nowMs: number;
  }>(
    `SELECT ${epochMs('next_due_at')} AS "nextDueAtMs", unstamped, recent_rows AS "recentRows",
            ARRAY(SELECT ${epochMs('at')} FROM unnest(recent_at) WITH ORDINALITY AS r(at, n) ORDER BY n) AS "recentAtMs"
     FROM paces WHERE environment_id = $1 FOR UPDATE`,
    [environmentId],
  );
  // Read after the lock was granted: the slice before is committed by now.
  const clock = await tx.query<{ nowMs: number }>(`SELECT ${epochMs('clock_timestamp()')} AS "nowMs"`);
  const nowMs = clock.rows[0]?.nowMs ?? 0;
  const row = rows[0];
  if (row === undefined) return { pace: { nextDueAtMs: 0, recent: [] }, nowMs };
  const recent = row.recentAtMs.map((atMs, index) => ({ atMs, rows: row.recentRows[index] ?? 0 }));
  // A crash between commit and stamp leaves the commit time unknown; it was before now.
  const newest = recent.at(-1);
  if (row.unstamped && newest) newest.atMs = nowMs;
  return { pace: { nextDueAtMs: row.nextDueAtMs, recent }, nowMs };
}

/** Keeps the pace. The newest slice counts as unstamped until stampSlice has run. */
export async function savePace(
  tx: Transaction,
  environmentId: number,
  pace: StoredPace,
  unstamped: boolean,
): Promise<void> {
  await tx.query(
    `UPDATE paces SET next_due_at = to_timestamp($2::float8 / 1000), recent_rows = $4::int[], unstamped = $5,
            recent_at = ARRAY(SELECT to_timestamp(ms / 1000) FROM unnest($3::float8[]) WITH ORDINALITY AS r(ms, n)
                              ORDER BY n)
     WHERE environment_id = $1`,
    [
      environmentId,
      pace.nextDueAtMs,
      pace.recent.map(({ atMs }) => atMs),
      pace.recent.map(({ rows }) => rows),
      unstamped,
    ],
  );
}

/** Writes down that the newest slice has been committed by now: the window is measured from commit to commit. */
export async function stampSlice(db: Queryable, environmentId: number): Promise<void> {
  await db.query(
    `UPDATE paces SET recent_at[cardinality(recent_at)] = clock_timestamp(), unstamped = false
     WHERE environment_id = $1 AND unstamped`,
    [environmentId],
  );
}

function epochMs(timestamp: string): string {
  return `(extract(epoch FROM ${timestamp}) * 1000)::float8`;
}
