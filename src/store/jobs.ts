/** Reading and making jobs. Whatever changes a job afterwards is in move-job.ts. */
import type { Entity } from '#job/entity';
import type { Job } from '#job/job';
import type { JobStatus } from '#job/lifecycle';
import type { Queryable } from './client';

export const JOB_COLUMNS = `id, environment_id AS "environmentId", entity, status, revision, cursor, attempts,
  due_at AS "dueAt", filename, file_size AS "fileSize", total_rows AS "totalRows", created_rows AS "createdRows",
  updated_rows AS "updatedRows", unchanged_rows AS "unchangedRows", failed_rows AS "failedRows", warnings,
  error_code AS "errorCode", dry_run AS "dryRun", parent_job_id AS "parentJobId", request_id AS "requestId",
  submitted_at AS "submittedAt", started_at AS "startedAt", ended_at AS "endedAt"`;

/** What the caller knows of a job before it exists. */
export interface NewJob {
  id: string;
  environmentId: number;
  entity: Entity;
  filename: string;
  csvHeader: Buffer | null;
  fileSize: number;
  totalRows: number;
  requestId: string;
}

/** Name of the unique index that lets one job at a time hold an environment's slot. */
export const SLOT_INDEX = 'jobs_slot';

/**
 * Makes the job, queued and holding the slot. It is submitted now, not when the transaction began, which may have been
 * before the job ended that held the slot.
 * Fails on SLOT_INDEX when another job of the environment holds it.
 */
export async function insertJob(db: Queryable, job: NewJob): Promise<Job> {
  const { rows } = await db.query<Job>(
    `INSERT INTO jobs (id, environment_id, entity, filename, file_size, total_rows, request_id,
                       csv_header, submitted_at, due_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp(), clock_timestamp()) RETURNING ${JOB_COLUMNS}`,
    [
      job.id,
      job.environmentId,
      job.entity,
      job.filename,
      job.fileSize,
      job.totalRows,
      job.requestId,
      job.csvHeader,
    ],
  );
  return rows[0] as Job;
}

/** A job of this environment, with the database's time; undefined when there is none of this id. */
export async function readJob(
  db: Queryable,
  environmentId: number,
  id: string,
): Promise<(Job & { now: Date }) | undefined> {
  const { rows } = await db.query<Job & { now: Date }>({
    name: 'read-job',
    text: `SELECT ${JOB_COLUMNS}, now() AS now FROM jobs WHERE id = $1 AND environment_id = $2`,
    values: [id, environmentId],
  });
  return rows[0];
}

/** The job that holds the environment's slot, with the database's time; undefined when the slot is free. */
export async function findSlotHolder(
  db: Queryable,
  environmentId: number,
): Promise<(Job & { now: Date }) | undefined> {
  const { rows } = await db.query<Job & { now: Date }>({
    name: 'find-slot-holder',
    text: `SELECT ${JOB_COLUMNS}, now() AS now FROM jobs WHERE environment_id = $1 AND holds_slot`,
    values: [environmentId],
  });
  return rows[0];
}

export interface JobFilter {
  statuses?: readonly JobStatus[] | undefined;
  entity?: Entity | undefined;
  /** Only jobs older than this one. */
  before?: { submittedAt: Date; id: string } | undefined;
  limit: number;
}

/** Jobs of the environment, newest first. */
export async function listJobs(
  db: Queryable,
  environmentId: number,
  filter: JobFilter,
): Promise<(Job & { now: Date })[]> {
  const { rows } = await db.query<Job & { now: Date }>(
    `SELECT ${JOB_COLUMNS}, now() AS now FROM jobs
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
    ],
  );
  return rows;
}
