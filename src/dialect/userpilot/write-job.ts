/**
 * The job object of Userpilot's bulk_identify (its OpenAPI document, response 202), with fields of our own behind it.
 */
import type { JobContext } from '#dialect/dialect';
import { ENTITIES } from '#job/entity';
import { completedRows, etaSeconds, JOB_ERRORS, type Job } from '#job/job';
import { MAX_SHOWN_WARNINGS, shortenWarnings } from '#job/observations';
import { writeStatus } from './status';

/** The job as its clients see it. Times in ISO 8601 with milliseconds, UTC; durations in whole seconds. */
export function writeJob(job: Job, { baseUrl, usersPerMinute, now }: JobContext): object {
  const start = job.startedAt ?? job.submittedAt;
  return {
    job_id: job.id,
    type: ENTITIES[job.entity].jobType,
    status: writeStatus(job.status),
    submitted_at: job.submittedAt.toISOString(),
    start_time: start.toISOString(),
    end_time: job.endedAt?.toISOString() ?? null,
    elapsed_time: Math.max(0, Math.floor(((job.endedAt ?? now).getTime() - start.getTime()) / 1000)),
    filename: job.filename,
    file_size: job.fileSize,
    links: `${baseUrl}/v1/background_jobs/${job.id}`,
    total_rows: job.totalRows,
    completed_rows: completedRows(job),
    created_rows: job.createdRows,
    updated_rows: job.updatedRows,
    unchanged_rows: job.unchangedRows,
    failed_rows: job.failedRows,
    queue_position: job.ahead?.[0] ?? null,
    eta_seconds: etaSeconds(job, usersPerMinute, now),
    // An older version has written as many as there were.
    warnings: shortenWarnings(job.warnings, MAX_SHOWN_WARNINGS),
    error: jobError(job),
    dry_run: job.dryRun,
    parent_job_id: job.parentJobId,
  };
}

function jobError(job: Job): { code: string; message: string } | null {
  return job.errorCode && { code: job.errorCode, message: JOB_ERRORS[job.errorCode] };
}
