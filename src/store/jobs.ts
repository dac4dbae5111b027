/** Reading and making jobs. Whatever changes a job afterwards is in move-job.ts. */
import type { Entity } from '#job/entity';
import type { Job } from '#job/job';
import type { JobStatus } from '#job/lifecycle';
import type { JobWarning } from '#job/observations';
import type { ImportOptions, ReadingOptions } from '#job/options';
import type { Reading } from '#job/reading';
import { KEY_IS_OPEN } from './api-keys';
import type { Queryable } from './client';

/** Jobs that wait their turn. */
export const IS_WAITING = 'ended_at IS NULL AND NOT holds_slot AND NOT dry_run';

/** Dry runs that wait for one of their places. */
export const IS_WAITING_DRY_RUN = 'ended_at IS NULL AND dry_run AND dry_run_slot IS NULL';

const AHEAD = `CASE WHEN ${IS_WAITING_DRY_RUN} THEN (
    SELECT ARRAY[count(*), coalesce(sum(
             a.total_rows - a.created_rows - a.updated_rows - a.unchanged_rows - a.failed_rows), 0)]::int[]
    FROM jobs a
    WHERE a.environment_id = jobs.environment_id AND a.ended_at IS NULL AND a.dry_run
      AND (a.dry_run_slot IS NOT NULL OR (a.submitted_at, a.id) < (jobs.submitted_at, jobs.id)))
  WHEN ${IS_WAITING} THEN (
    SELECT ARRAY[count(*), coalesce(sum(
             a.total_rows - a.created_rows - a.updated_rows - a.unchanged_rows - a.failed_rows), 0)]::int[]
    FROM jobs a
    WHERE a.environment_id = jobs.environment_id AND a.ended_at IS NULL AND NOT a.dry_run
      AND (a.holds_slot OR (a.submitted_at, a.id) < (jobs.submitted_at, jobs.id))) END`;

export const JOB_COLUMNS = `id, environment_id AS "environmentId", entity, status, revision, cursor, attempts,
  due_at AS "dueAt", shown_filename(filename, environment_id, ordinal) AS filename, file_size AS "fileSize",
  total_rows AS "totalRows", created_rows AS "createdRows",
  updated_rows AS "updatedRows", unchanged_rows AS "unchangedRows", failed_rows AS "failedRows",
  shown_warnings(warnings, environment_id, ordinal) AS warnings,
  error_code AS "errorCode", holds_slot AS "holdsSlot", ${AHEAD} AS ahead, dry_run AS "dryRun",
  dry_run_slot AS "dryRunSlot",
  metadata_mode AS "metadataMode", existing_mode AS "existingMode", nested, parent_job_id AS "parentJobId",
  request_id AS "requestId", submitted_at AS "submittedAt", started_at AS "startedAt", ended_at AS "endedAt"`;

/** What the caller knows of a job before it exists. */
export interface NewJob extends ImportOptions, ReadingOptions {
  id: string;
  environmentId: number;
  entity: Entity;
  filename: string;
  csvHeader: Buffer | null;
  /** What is known of its file already. */
  warnings: readonly JobWarning[];
  fileSize: number;
  totalRows: number;
  parentJobId: string | null;
  requestId: string;
  /** False for dry runs, and for a job that is to wait its turn. */
  holdsSlot: boolean;
  /** The place of a dry run; null for one that is to wait, and for imports. */
  dryRunSlot: number | null;
}

/** Name of the unique index that lets one job at a time hold an environment's slot. */
export const SLOT_INDEX = 'jobs_slot';

/**
 * Makes the job, queued. It is submitted now, not when the transaction began, which may have been
 * before the job ended that held the slot.
 * Fails on SLOT_INDEX when it is to hold the slot and another job of the environment holds it.
 */
export async function insertJob(db: Queryable, job: NewJob): Promise<Job> {
  const { rows } = await db.query<Job>(
    `INSERT INTO jobs (id, environment_id, entity, filename, file_size, total_rows, request_id, csv_header,
                       dry_run, metadata_mode, existing_mode, parent_job_id, holds_slot, nested, dry_run_slot,
                       reading, warnings, submitted_at, due_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16::jsonb, $17::jsonb, clock_timestamp(),
             clock_timestamp())
     RETURNING ${JOB_COLUMNS}`,
    [
      job.id,
      job.environmentId,
      job.entity,
      job.filename,
      job.fileSize,
      job.totalRows,
      job.requestId,
      job.csvHeader,
      job.dryRun,
      job.metadataMode,
      job.existingMode,
      job.parentJobId,
      job.holdsSlot,
      job.nested,
      job.dryRunSlot,
      JSON.stringify(job.reading),
      JSON.stringify(job.warnings),
    ],
  );
  return rows[0] as Job;
}

/** A job as read, with the database's time. */
export type ReadJob = Job & { now: Date };

/** A job of this environment, with the database's time; undefined when there is none of this id. */
export async function readJob(
  db: Queryable,
  environmentId: number,
  id: string,
): Promise<ReadJob | undefined> {
  const { rows } = await db.query<ReadJob>({
    name: 'read-job',
    text: `SELECT ${JOB_COLUMNS}, now() AS now FROM jobs WHERE id = $1 AND environment_id = $2`,
    values: [id, environmentId],
  });
  return rows[0];
}

/** A job as somebody asks for it. */
export interface AskedJob {
  id: string;
  environmentId: number;
  /** The key that asks. */
  keyId: number;
}

/**
 * Many at once, each only if it is of that environment and its key is neither revoked nor expired.
 * @returns in the order of what was asked; undefined where there is none
 */
export async function readAskedJobs(
  db: Queryable,
  asked: readonly AskedJob[],
): Promise<(ReadJob | undefined)[]> {
  const { rows } = await db.query<ReadJob & { place: number }>({
    name: 'read-asked-jobs',
    text: `SELECT place::int, ${JOB_COLUMNS}, now() AS now
           FROM unnest($1::uuid[], $2::int[], $3::int[]) WITH ORDINALITY AS asked(job, environment, key, place)
             JOIN jobs ON id = job AND environment_id = environment
           WHERE EXISTS (SELECT FROM api_keys WHERE api_keys.id = key AND ${KEY_IS_OPEN})`,
    values: [
      asked.map(({ id }) => id),
      asked.map(({ environmentId }) => environmentId),
      asked.map(({ keyId }) => keyId),
    ],
  });
  const found: (ReadJob | undefined)[] = asked.map(() => undefined);
  for (const { place, ...job } of rows) found[place - 1] = job;
  return found;
}

/** What the rows of a job came in. */
export interface JobOrigin {
  /** The header line of a table; null when the rows are JSON. */
  csvHeader: Buffer | null;
  reading: Reading;
}

/** What the rows of a job are read by. */
export async function readJobOrigin(db: Queryable, environmentId: number, id: string): Promise<JobOrigin> {
  const { rows } = await db.query<JobOrigin>(
    'SELECT csv_header AS "csvHeader", reading FROM jobs WHERE id = $1 AND environment_id = $2',
    [id, environmentId],
  );
  return rows[0] ?? { csvHeader: null, reading: {} };
}

/** The job that holds the environment's slot, with the database's time; undefined when the slot is free. */
export async function findSlotHolder(db: Queryable, environmentId: number): Promise<ReadJob | undefined> {
  const { rows } = await db.query<ReadJob>({
    name: 'find-slot-holder',
    text: `SELECT ${JOB_COLUMNS}, now() AS now FROM jobs WHERE environment_id = $1 AND holds_slot`,
    values: [environmentId],
  });
  return rows[0];
}

/** Which of these are jobs of this database that have not ended. */
export async function findUnfinishedJobs(db: Queryable, ids: readonly string[]): Promise<Set<string>> {
  const { rows } = await db.query<{ id: string }>(
    'SELECT id FROM jobs WHERE id = ANY ($1::uuid[]) AND ended_at IS NULL',
    [ids],
  );
  return new Set(rows.map(({ id }) => id));
}

/** Jobs by their ids, whosever they are: for those who have been let in before. */
export async function readJobs(db: Queryable, ids: readonly string[]): Promise<ReadJob[]> {
  const { rows } = await db.query<ReadJob>({
    name: 'read-jobs',
    text: `SELECT ${JOB_COLUMNS}, now() AS now FROM jobs WHERE id = ANY ($1)`,
    values: [ids],
  });
  return rows;
}

export interface JobFilter {
  statuses?: readonly JobStatus[] | undefined;
  entity?: Entity | undefined;
  /** Only jobs older than this one. */
  before?: { submittedAt: Date; id: string } | undefined;
  /** Says of each job whether one of its rows with a result has this id. */
  rowId?: string | undefined;
  limit: number;
}

export interface ListedJob extends ReadJob {
  /** True when no id was asked for. */
  hasRowId: boolean;
}

/**
 * Jobs of the environment, newest first. The rows of those jobs alone are looked at for an id: an index by id of all
 * results would cost every import more than it is worth.
 */
export async function listJobs(
  db: Queryable,
  environmentId: number,
  filter: JobFilter,
): Promise<ListedJob[]> {
  const { rows } = await db.query<ListedJob>(
    `SELECT ${JOB_COLUMNS}, now() AS now,
       $7::text IS NULL OR EXISTS (
         SELECT 1 FROM row_results r
         WHERE r.environment_id = $1 AND r.job_id = jobs.id AND r.id = $7)
       AND NOT EXISTS (
         SELECT 1 FROM erasures e
         WHERE e.environment_id = $1 AND e.id > jobs.ordinal AND e.entity = jobs.entity AND e.subject = $7) AS "hasRowId"
     FROM jobs
     WHERE environment_id = $1
       AND ($2::job_status[] IS NULL OR status = ANY ($2))
       AND ($3::entity IS NULL OR entity = $3)
       AND ($4::timestamptz IS NULL OR (submitted_at, id) < ($4, $5::uuid))
     ORDER BY submitted_at DESC, id DESC
     LIMIT $6`,
    [
      environmentId,
      filter.statuses ?? null,
      filter.entity ?? null,
      filter.before?.submittedAt ?? null,
      filter.before?.id ?? null,
      filter.limit,
      filter.rowId ?? null,
    ],
  );
  return rows;
}
