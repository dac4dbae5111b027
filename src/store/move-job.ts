/**
 * The only writer of a job's state and progress. Everything here happens inside the transaction of a slice, which holds
 * the lock on the job's row; each change raises the revision, so that a delivery for an older one does nothing.
 */
import type { Job, JobErrorCode } from '#job/job';
import { type FinalStatus, type JobStatus, TRANSITIONS } from '#job/lifecycle';
import { type JobWarning, type Observations, packObservations, unpackObservations } from '#job/observations';
import type { OutcomeCounts } from '#job/outcome';
import type { Queryable, Transaction } from './client';
import { deleteDryRunProfiles } from './dry-run';
import { handOverDryRunSlot, lockDryRuns } from './dry-run-line';
import { lockAgainstErasure } from './erase';
import { NOTIFY_CHANGE } from './job-changes';
import { JOB_COLUMNS } from './jobs';
import { handOverSlot, lockSlot, type NextJob } from './slot';

/** A job that this transaction has locked. */
export interface LockedJob extends Job {
  observations: Observations;
  /** Header line of a CSV file; null when the rows are JSON. */
  csvHeader: Buffer | null;
  /** The environment's own throttle; null = the service's setting. */
  environmentUsersPerMinute: number | null;
}

/**
 * Locks a job for one slice.
 * @returns undefined when there is no such job or another process works on it at this moment
 */
export async function lockJob(tx: Transaction, id: string): Promise<LockedJob | undefined> {
  const { rows } = await tx.query<PackedJob>({
    name: 'lock-job',
    text: `${SELECT_JOB} WHERE id = $1 FOR UPDATE SKIP LOCKED`,
    values: [id],
  });
  const job = unpack(rows[0]);
  // No slice works beside an erasure: it might bring back what is just being erased.
  if (job !== undefined) await lockAgainstErasure(tx, job.environmentId);
  return job;
}

/** Locks a job of this environment, when necessary after the slice in work. Undefined when there is no such job. */
export async function awaitJobLock(
  tx: Transaction,
  environmentId: number,
  id: string,
): Promise<LockedJob | undefined> {
  const { rows } = await tx.query<PackedJob>(
    `${SELECT_JOB} WHERE id = $1 AND environment_id = $2 FOR UPDATE`,
    [id, environmentId],
  );
  return unpack(rows[0]);
}

type PackedJob = Omit<LockedJob, 'observations'> & { observations: unknown };

const SELECT_JOB = `SELECT ${JOB_COLUMNS}, observations, csv_header AS "csvHeader",
         (SELECT users_per_minute FROM environments e WHERE e.id = environment_id) AS "environmentUsersPerMinute"
  FROM jobs`;

function unpack(job: PackedJob | undefined): LockedJob | undefined {
  return job && { ...job, observations: unpackObservations(job.observations) };
}

/** Progress within a stage. */
export interface Progress {
  /** Last row that the stage has dealt with. */
  cursor: number;
  /** Rows to add to the counters. */
  counts?: Partial<OutcomeCounts>;
  observations?: Observations;
  /** When the next slice is due, in milliseconds of the database's clock; now when absent. */
  dueAtMs?: number | undefined;
}

/** Writes a slice's progress. Belongs in the transaction that wrote the slice's rows. Returns the new revision. */
export async function advanceJob(tx: Transaction, job: LockedJob, progress: Progress): Promise<number> {
  const { counts = {} } = progress;
  await tx.query({
    name: 'advance-job',
    text: `UPDATE jobs SET revision = revision + 1, attempts = 0, cursor = $2,
             created_rows = created_rows + $3, updated_rows = updated_rows + $4,
             unchanged_rows = unchanged_rows + $5, failed_rows = failed_rows + $6,
             observations = coalesce($7::jsonb, observations),
             due_at = coalesce(to_timestamp($8::float8 / 1000), clock_timestamp())
           WHERE id = $1 RETURNING ${NOTIFY_CHANGE}`,
    values: [
      job.id,
      progress.cursor,
      counts.created ?? 0,
      counts.updated ?? 0,
      counts.unchanged ?? 0,
      counts.failed ?? 0,
      progress.observations === undefined ? null : packObservations(progress.observations),
      progress.dueAtMs ?? null,
    ],
  });
  return job.revision + 1;
}

/** Says when the next slice is due, without a slice: the throttle has no room before. */
export async function postponeJob(tx: Transaction, job: LockedJob, dueAtMs: number): Promise<void> {
  await tx.query('UPDATE jobs SET due_at = to_timestamp($2::float8 / 1000) WHERE id = $1', [job.id, dueAtMs]);
}

/**
 * Moves the job to another state that is not final; the next stage begins at its first row.
 * @returns the new revision
 * @throws Error when TRANSITIONS does not know the move: a fault of the program
 */
export async function moveJob(
  tx: Transaction,
  job: LockedJob,
  to: Exclude<JobStatus, FinalStatus>,
): Promise<number> {
  requireTransition(job, to);
  await tx.query({
    name: 'move-job',
    text: `UPDATE jobs SET status = $2, revision = revision + 1, attempts = 0, cursor = 0, due_at = clock_timestamp(),
             started_at = coalesce(started_at, clock_timestamp())
           WHERE id = $1 RETURNING ${NOTIFY_CHANGE}`,
    values: [job.id, to],
  });
  return job.revision + 1;
}

/** What goes with a final state. */
export interface Ending {
  errorCode?: JobErrorCode;
  warnings: JobWarning[];
}

/**
 * Ends the job: its slot, or its place among the dry runs, goes to the one that has waited longest.
 * @returns that job, to be delivered after the commit; undefined when none waits
 * @throws Error when TRANSITIONS does not know the move: a fault of the program
 */
export async function endJob(
  tx: Transaction,
  job: LockedJob,
  to: FinalStatus,
  ending: Ending,
): Promise<NextJob | undefined> {
  requireTransition(job, to);
  await (job.dryRun ? lockDryRuns : lockSlot)(tx, job.environmentId);
  await tx.query({
    name: 'end-job',
    text: `UPDATE jobs SET status = $2, revision = revision + 1, attempts = 0, cursor = 0, due_at = clock_timestamp(),
             started_at = coalesce(started_at, clock_timestamp()), ended_at = clock_timestamp(),
             holds_slot = false, dry_run_slot = NULL, observations = '{}', error_code = $3, warnings = $4::jsonb
           WHERE id = $1 RETURNING ${NOTIFY_CHANGE}`,
    values: [job.id, to, ending.errorCode ?? null, JSON.stringify(ending.warnings)],
  });
  if (!job.dryRun) return handOverSlot(tx, job.environmentId);
  await deleteDryRunProfiles(tx, job);
  return handOverDryRunSlot(tx, job.environmentId);
}

function requireTransition(job: LockedJob, to: JobStatus): void {
  if (!TRANSITIONS[job.status].includes(to)) throw new Error(`no transition from ${job.status} to ${to}`);
}

/**
 * Counts a failed try of the slice that this revision is about and puts the next one off.
 * @returns failed tries of this slice so far; 0 when the job has moved on in the meantime
 */
export async function countFailedAttempt(db: Queryable, id: string, revision: number): Promise<number> {
  const { rows } = await db.query<{ attempts: number }>(
    `UPDATE jobs SET attempts = attempts + 1, due_at = clock_timestamp()
     WHERE id = $1 AND revision = $2 AND ended_at IS NULL RETURNING attempts`,
    [id, revision],
  );
  return rows[0]?.attempts ?? 0;
}

/** Takes back an attempt that was counted in advance and turned out to be none. */
export async function forgiveAttempt(db: Queryable, id: string, revision: number): Promise<void> {
  await db.query('UPDATE jobs SET attempts = greatest(attempts - 1, 0) WHERE id = $1 AND revision = $2', [
    id,
    revision,
  ]);
}

/**
 * Unfinished jobs whose slice has been due for longer than the grace: nobody drives them. Each is claimed, so that it
 * is found again only after another grace.
 */
export async function claimAbandonedJobs(
  db: Queryable,
  graceMs: number,
): Promise<{ jobId: string; revision: number }[]> {
  const { rows } = await db.query<{ jobId: string; revision: number }>(
    `UPDATE jobs SET due_at = clock_timestamp()
     WHERE id IN (
       SELECT id FROM jobs
       WHERE ended_at IS NULL AND (holds_slot OR dry_run_slot IS NOT NULL) AND due_at < clock_timestamp() - $1 * interval '1 millisecond'
       ORDER BY due_at LIMIT 1000 FOR UPDATE SKIP LOCKED)
     RETURNING id AS "jobId", revision`,
    [graceMs],
  );
  return rows;
}
