/**
 * The only writer of a job's state and progress. A slice holds an advisory lock of the job, so that no two work on it; the
 * row of the job it locks only by its last statement before the commit, which demands the revision that the slice began
 * with. So a cancel, which raises the revision, never waits for a slice, and a slice that comes after it cannot commit:
 * docs/decisions/0015-cancel-first.md. Each change raises the revision, so that a delivery for an older one does nothing.
 */
import type { Job, JobErrorCode } from '#job/job';
import { type FinalStatus, type JobStatus, TRANSITIONS } from '#job/lifecycle';
import { type JobWarning, type Observations, unpackObservations } from '#job/observations';
import type { OutcomeCounts } from '#job/outcome';
import type { Reading } from '#job/reading';
import { LOCK_TIMEOUT_MS, type Queryable, type Transaction } from './client';
import { handOverDryRunSlot, lockDryRuns } from './dry-run-line';
import { lockAgainstErasure } from './erase';
import { NOTIFY_CHANGE } from './job-changes';
import { JOB_COLUMNS } from './jobs';
import { handOverSlot, lockSlot, type NextJob } from './slot';
import { noteEvent } from './webhook-deliveries';

/** First number of the lock; the second is a hash of the job's id. Spells MSTJ. */
const JOB_LOCK = 0x4d53544a;

/** The job was moved on in the meantime, by a cancel as a rule: nothing of this transaction may be committed. */
export class JobMovedError extends Error {}

/** A job as a transaction works on it. */
export interface LockedJob extends Job {
  /** What validation by an older version has seen so far; as a rule undefined. */
  olderObservations: Observations | undefined;
  /** Distinct keys that validation has seen so far. */
  observedKeys: number;
  ignoredKeys: number;
  /** Rows that one statement takes at most, after one was slow; null = no bound of its own. */
  batchRows: number | null;
  /** Header line of a CSV file; null when the rows are JSON. */
  csvHeader: Buffer | null;
  reading: Reading;
  /** The environment's own throttle; null = the service's setting. */
  environmentUsersPerMinute: number | null;
  /** Slug of the environment. */
  environment: string;
}

/** A job that a slice works on, and the server's process that does. */
export interface SlicedJob {
  job: LockedJob;
  pid: number;
}

/** Time limits of a slice's statements, in milliseconds. A wait for a lock must end before its statement does. */
export interface SliceLimits {
  /** Of statements that apply several rows. */
  batchMs: number;
  /** Of statements that apply a single row, and of all the others. */
  rowMs: number;
}

/**
 * Takes a job for one slice, and sets the time limits of the slice's statements.
 * @returns undefined when there is no such job or another process works on it at this moment
 */
export async function lockJob(
  tx: Transaction,
  id: string,
  limits: SliceLimits,
): Promise<SlicedJob | undefined> {
  const limit = `CASE WHEN status = 'processing' AND batch_rows IS DISTINCT FROM 1 THEN $3::int ELSE $4::int END`;
  const { rows } = await tx.query<PackedJob & { pid: number }>({
    name: 'lock-job',
    text: `SELECT ${SLICE_COLUMNS}, pg_backend_pid() AS pid,
             set_config('statement_timeout', (${limit})::text, true),
             set_config('lock_timeout', least(${limit} * 3 / 4, ${LOCK_TIMEOUT_MS})::text, true)
           FROM jobs WHERE id = $1 AND pg_try_advisory_xact_lock($2, hashtext(id::text))`,
    values: [id, JOB_LOCK, limits.batchMs, limits.rowMs],
  });
  const [job] = rows;
  if (job === undefined) return undefined;
  // No slice works beside an erasure: it might bring back what is just being erased.
  await lockAgainstErasure(tx, job.environmentId);
  return { job: unpack(job), pid: job.pid };
}

/**
 * Locks the row of a job of this environment. Waits at most for the commit of a slice, never for its work. Undefined when
 * there is no such job.
 */
export async function awaitJobLock(
  tx: Transaction,
  environmentId: number,
  id: string,
): Promise<LockedJob | undefined> {
  const { rows } = await tx.query<PackedJob>(
    `SELECT ${SLICE_COLUMNS} FROM jobs WHERE id = $1 AND environment_id = $2 FOR UPDATE`,
    [id, environmentId],
  );
  return rows[0] && unpack(rows[0]);
}

type PackedJob = Omit<LockedJob, 'olderObservations'> & { observations: unknown };

const SLICE_COLUMNS = `${JOB_COLUMNS}, nullif(observations, '{}') AS observations, observed_keys AS "observedKeys",
         ignored_keys AS "ignoredKeys", batch_rows AS "batchRows", csv_header AS "csvHeader", reading,
         (SELECT users_per_minute FROM environments e WHERE e.id = environment_id) AS "environmentUsersPerMinute",
         (SELECT slug FROM environments e WHERE e.id = environment_id) AS environment`;

function unpack({ observations, ...job }: PackedJob): LockedJob {
  return {
    ...job,
    olderObservations: observations === null ? undefined : unpackObservations(observations),
  };
}

/** @throws JobMovedError when the statement found the job at another revision than the slice began with */
function requireMoved({ rowCount }: { rowCount: number | null }): void {
  if (rowCount !== 1) throw new JobMovedError('the job was moved on in the meantime');
}

/** Progress within a stage. */
export interface Progress {
  /** Last row that the stage has dealt with. */
  cursor: number;
  /** Rows to add to the counters. */
  counts?: Partial<OutcomeCounts>;
  /** Distinct keys to add to those that validation has seen. */
  observedKeys?: number;
  ignoredKeys?: number;
  /** As in LockedJob; stays as it is when absent. */
  batchRows?: number | null;
  /** When the next slice is due, in milliseconds of the database's clock; now when absent. */
  dueAtMs?: number | undefined;
}

/**
 * Writes a slice's progress, as the last thing of the transaction that wrote the slice's rows. Returns the new revision.
 * @throws JobMovedError when the job was canceled in the meantime
 */
export async function advanceJob(tx: Transaction, job: LockedJob, progress: Progress): Promise<number> {
  const { counts = {}, batchRows = job.batchRows } = progress;
  const advanced = await tx.query({
    name: 'advance-job',
    text: `UPDATE jobs SET revision = revision + 1, attempts = 0, cursor = $3,
             created_rows = created_rows + $4, updated_rows = updated_rows + $5,
             unchanged_rows = unchanged_rows + $6, failed_rows = failed_rows + $7,
             due_at = coalesce(to_timestamp($8::float8 / 1000), clock_timestamp()),
             batch_rows = $9, observed_keys = observed_keys + $10, ignored_keys = ignored_keys + $11,
             observations = CASE WHEN $12 THEN '{}' ELSE observations END
           WHERE id = $1 AND revision = $2 RETURNING ${NOTIFY_CHANGE}`,
    values: [
      job.id,
      job.revision,
      progress.cursor,
      counts.created ?? 0,
      counts.updated ?? 0,
      counts.unchanged ?? 0,
      counts.failed ?? 0,
      progress.dueAtMs ?? null,
      batchRows,
      progress.observedKeys ?? 0,
      progress.ignoredKeys ?? 0,
      // Every slice that may find them has taken them over.
      job.status !== 'processing' && job.olderObservations !== undefined,
    ],
  });
  requireMoved(advanced);
  return job.revision + 1;
}

/** Says when the next slice is due, without a slice: the throttle has no room before. @throws JobMovedError */
export async function postponeJob(tx: Transaction, job: LockedJob, dueAtMs: number): Promise<void> {
  requireMoved(
    await tx.query(
      'UPDATE jobs SET due_at = to_timestamp($3::float8 / 1000) WHERE id = $1 AND revision = $2',
      [job.id, job.revision, dueAtMs],
    ),
  );
}

/**
 * Moves the job to another state that is not final; the next stage begins at its first row.
 * @returns the new revision
 * @throws JobMovedError; Error when TRANSITIONS does not know the move: a fault of the program
 */
export async function moveJob(
  tx: Transaction,
  job: LockedJob,
  to: Exclude<JobStatus, FinalStatus>,
): Promise<number> {
  requireTransition(job, to);
  const moved = await tx.query({
    name: 'move-job',
    text: `UPDATE jobs SET status = $3, revision = revision + 1, attempts = 0, cursor = 0, due_at = clock_timestamp(),
             started_at = coalesce(started_at, clock_timestamp())
           WHERE id = $1 AND revision = $2 RETURNING ${NOTIFY_CHANGE}`,
    values: [job.id, job.revision, to],
  });
  requireMoved(moved);
  return job.revision + 1;
}

/** What goes with a final state. */
export interface Ending {
  errorCode?: JobErrorCode;
  /** Those that the job itself shows. */
  warnings: JobWarning[];
}

/**
 * Ends the job: its slot, or its place among the dry runs, goes to the one that has waited longest. What a dry run has
 * noted is swept later, because it may be much.
 * @returns that job, to be delivered after the commit; undefined when none waits
 * @throws JobMovedError; Error when TRANSITIONS does not know the move: a fault of the program
 */
export async function endJob(
  tx: Transaction,
  job: LockedJob,
  to: FinalStatus,
  ending: Ending,
): Promise<NextJob | undefined> {
  requireTransition(job, to);
  await (job.dryRun ? lockDryRuns : lockSlot)(tx, job.environmentId);
  const ended = await tx.query({
    name: 'end-job',
    text: `UPDATE jobs SET status = $3, revision = revision + 1, attempts = 0, cursor = 0, due_at = clock_timestamp(),
             started_at = coalesce(started_at, clock_timestamp()), ended_at = clock_timestamp(),
             holds_slot = false, dry_run_slot = NULL, observations = '{}', error_code = $4, warnings = $5::jsonb
           WHERE id = $1 AND revision = $2 RETURNING ${NOTIFY_CHANGE}`,
    values: [job.id, job.revision, to, ending.errorCode ?? null, JSON.stringify(ending.warnings)],
  });
  requireMoved(ended);
  await noteEvent(tx, job.environmentId, `job.${to}`, job.id);
  return (job.dryRun ? handOverDryRunSlot : handOverSlot)(tx, job.environmentId);
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

/**
 * Counts a try that was ended because it took too much, of time or of the server's means. While rows are applied the next
 * one takes half as many, down to one, and counts anew, from 1; only tries of a single row, and of other stages, add up.
 * @param triedRows rows of the statement that took too much
 * @returns rows that the next try takes (null when it is another stage), and failed tries of that; undefined when the job
 * has moved on in the meantime
 */
export async function shrinkBatch(
  db: Queryable,
  id: string,
  revision: number,
  triedRows: number,
): Promise<{ batchRows: number | null; attempts: number } | undefined> {
  const { rows } = await db.query<{ batchRows: number | null; attempts: number }>(
    `UPDATE jobs j SET due_at = clock_timestamp(),
       batch_rows = CASE WHEN isApplying THEN next ELSE batch_rows END,
       attempts = CASE WHEN isApplying AND batch_rows IS DISTINCT FROM next THEN 1 ELSE attempts + 1 END
     FROM (SELECT id, status = 'processing' AS isApplying,
                  greatest(1, least($3::int, coalesce(batch_rows, $3::int)) / 2) AS next
           FROM jobs WHERE id = $1) n
     WHERE j.id = n.id AND j.revision = $2 AND j.ended_at IS NULL
     RETURNING CASE WHEN isApplying THEN batch_rows END AS "batchRows", attempts`,
    [id, revision, triedRows],
  );
  return rows[0];
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

/** Whether the job was canceled. */
export async function isCanceled(db: Queryable, id: string): Promise<boolean> {
  const { rowCount } = await db.query("SELECT FROM jobs WHERE id = $1 AND status = 'canceled'", [id]);
  return rowCount === 1;
}

/** Ends the statement that this process of the server works on; it fails with 57014. */
export async function interrupt(db: Queryable, pid: number): Promise<void> {
  await db.query('SELECT pg_cancel_backend($1)', [pid]);
}
