/**
 * Dry runs take nothing from real imports, but few of an environment are at work at a time; the others wait for one of
 * their places, first in, first out. The locks here are not those of the slot: dry runs and imports never wait for each other.
 */
import type { Job } from '#job/job';
import type { Queryable, Transaction } from './client';
import { NOTIFY_CHANGE } from './job-changes';
import { IS_WAITING_DRY_RUN, JOB_COLUMNS } from './jobs';
import type { NextJob } from './slot';

/** Dry runs of an environment that are at work at a time. */
export const DRY_RUN_SLOTS = 2;

/** First number of the lock; the second is the environment. Spells MSTY. */
const DRY_RUN_LOCK = 0x4d535459;

/** Until the transaction ends nobody else takes a place for dry runs of the environment or lines up for one. */
export async function lockDryRuns(tx: Transaction, environmentId: number): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock($1, $2)', [DRY_RUN_LOCK, environmentId]);
}

export interface UnfinishedDryRuns {
  /** Those at work, with the database's time. */
  working: readonly (Job & { dryRunSlot: number; now: Date })[];
  waiting: number;
}

export async function readUnfinishedDryRuns(
  db: Queryable,
  environmentId: number,
): Promise<UnfinishedDryRuns> {
  const { rows } = await db.query<Job & { now: Date }>({
    name: 'read-unfinished-dry-runs',
    text: `SELECT ${JOB_COLUMNS}, now() AS now FROM jobs
           WHERE environment_id = $1 AND dry_run AND ended_at IS NULL ORDER BY submitted_at, id`,
    values: [environmentId],
  });
  const working = rows.filter(
    (job): job is Job & { dryRunSlot: number; now: Date } => job.dryRunSlot !== null,
  );
  return { working, waiting: rows.length - working.length };
}

/** The first place that none of them has; undefined when all are taken. */
export function freeDryRunSlot(working: readonly { dryRunSlot: number }[]): number | undefined {
  for (let slot = 1; slot <= DRY_RUN_SLOTS; slot++) {
    if (!working.some(({ dryRunSlot }) => dryRunSlot === slot)) return slot;
  }
  return undefined;
}

/** Gives a free place to the dry run that has waited longest. Call it under lockDryRuns. */
export async function handOverDryRunSlot(
  tx: Transaction,
  environmentId: number,
): Promise<NextJob | undefined> {
  const { working, waiting } = await readUnfinishedDryRuns(tx, environmentId);
  const slot = freeDryRunSlot(working);
  if (slot === undefined || waiting === 0) return undefined;
  const { rows } = await tx.query<NextJob>(
    `UPDATE jobs SET dry_run_slot = $2, revision = revision + 1, due_at = clock_timestamp()
     WHERE id = (SELECT id FROM jobs WHERE environment_id = $1 AND ${IS_WAITING_DRY_RUN}
                 ORDER BY submitted_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
     RETURNING id AS "jobId", revision, ${NOTIFY_CHANGE}`,
    [environmentId, slot],
  );
  // Those behind it have come closer.
  await tx.query(`SELECT ${NOTIFY_CHANGE} FROM jobs WHERE environment_id = $1 AND ${IS_WAITING_DRY_RUN}`, [
    environmentId,
  ]);
  return rows[0] && { jobId: rows[0].jobId, revision: rows[0].revision };
}

/** Environments in which dry runs wait beside a free place, as processes of an older version leave them. */
export async function findStalledDryRuns(db: Queryable): Promise<number[]> {
  const { rows } = await db.query<{ id: number }>(
    `SELECT environment_id AS id FROM jobs WHERE dry_run AND ended_at IS NULL GROUP BY environment_id
     HAVING count(dry_run_slot) < least($1, count(*))`,
    [DRY_RUN_SLOTS],
  );
  return rows.map(({ id }) => id);
}
