/**
 * The one slot of an environment and the jobs that wait for it, first in, first out. Whoever ends a job hands the slot on
 * in the same transaction, under a lock that whoever lines up takes too: so the slot is never free while a job waits.
 */
import type { Queryable, Transaction } from './client';
import { NOTIFY_CHANGE } from './job-changes';
import { IS_WAITING } from './jobs';

/** First number of the lock; the second is the environment. Spells MSTS. */
const SLOT_LOCK = 0x4d535453;

/** A job that has just got the slot. */
export interface NextJob {
  jobId: string;
  revision: number;
}

/** Until the transaction ends nobody else hands the slot on or lines up. */
export async function lockSlot(tx: Transaction, environmentId: number): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock($1, $2)', [SLOT_LOCK, environmentId]);
}

/** How many jobs wait for the slot. */
export async function countWaiting(db: Queryable, environmentId: number): Promise<number> {
  const { rows } = await db.query<{ waiting: number }>(
    `SELECT count(*)::int AS waiting FROM jobs WHERE environment_id = $1 AND ${IS_WAITING}`,
    [environmentId],
  );
  return rows[0]?.waiting ?? 0;
}

/**
 * Gives the slot to the job that has waited longest, when it is free. Locks of jobs are never waited for, so that the
 * lock of the slot may come after that of a job: who is locked is being canceled.
 */
export async function handOverSlot(tx: Transaction, environmentId: number): Promise<NextJob | undefined> {
  const { rows } = await tx.query<NextJob>(
    `UPDATE jobs SET holds_slot = true, revision = revision + 1, due_at = clock_timestamp()
     WHERE NOT EXISTS (SELECT FROM jobs WHERE environment_id = $1 AND holds_slot)
       AND id = (SELECT id FROM jobs WHERE environment_id = $1 AND ${IS_WAITING}
                 ORDER BY submitted_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
     RETURNING id AS "jobId", revision, ${NOTIFY_CHANGE}`,
    [environmentId],
  );
  // Those behind it have come closer.
  await tx.query(`SELECT ${NOTIFY_CHANGE} FROM jobs WHERE environment_id = $1 AND ${IS_WAITING}`, [
    environmentId,
  ]);
  return rows[0] && { jobId: rows[0].jobId, revision: rows[0].revision };
}

/** Environments in which jobs wait though the slot is free, as a worker of an older version leaves them. */
export async function findStalledLines(db: Queryable): Promise<number[]> {
  const { rows } = await db.query<{ id: number }>(
    `SELECT DISTINCT environment_id AS id FROM jobs w WHERE ${IS_WAITING}
       AND NOT EXISTS (SELECT FROM jobs h WHERE h.environment_id = w.environment_id AND h.holds_slot)`,
  );
  return rows.map(({ id }) => id);
}
