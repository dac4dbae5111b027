/** A job as the service knows it; the dialects turn it into what their clients see. */
import type { Entity } from './entity';
import type { JobStatus } from './lifecycle';
import type { JobWarning } from './observations';
import type { ImportOptions, ReadingOptions } from './options';

/** Why a whole job failed, or was ended. */
export const JOB_ERRORS = {
  no_rows_applied: 'Not one row could be applied. The results say why, row by row.',
  canceled: 'The import was canceled.',
  internal: 'A fault of the service that several tries did not cure. No accepted row was applied in part.',
} as const satisfies Record<string, string>;

export type JobErrorCode = keyof typeof JOB_ERRORS;

export interface Job extends ImportOptions, Pick<ReadingOptions, 'nested'> {
  id: string;
  environmentId: number;
  entity: Entity;
  status: JobStatus;
  revision: number;
  cursor: number;
  attempts: number;
  dueAt: Date;
  filename: string;
  fileSize: number;
  totalRows: number;
  createdRows: number;
  updatedRows: number;
  unchangedRows: number;
  failedRows: number;
  warnings: JobWarning[];
  errorCode: JobErrorCode | null;
  /** Whether it is this job's turn in its environment. Never for a dry run, which needs none. */
  holdsSlot: boolean;
  /** Which of the places for dry runs it has; null for a dry run that waits for one, and for an import. */
  dryRunSlot: number | null;
  /** What is before a job that waits its turn: jobs, and their rows without an outcome. Null when it does not wait. */
  ahead: [jobs: number, rows: number] | null;
  parentJobId: string | null;
  requestId: string;
  submittedAt: Date;
  startedAt: Date | null;
  endedAt: Date | null;
}

/** Whether the job waits until the jobs before it have ended. */
export function isWaiting(job: Pick<Job, 'endedAt' | 'holdsSlot' | 'dryRun' | 'dryRunSlot'>): boolean {
  return job.endedAt === null && (job.dryRun ? job.dryRunSlot === null : !job.holdsSlot);
}

/** Rows with an outcome. Never falls while a job goes on. */
export function completedRows(job: Job): number {
  return job.createdRows + job.updatedRows + job.unchangedRows + job.failedRows;
}

/**
 * Honest whole seconds until the job ends, at least 1; 0 when it has ended. A job that waits its turn also waits for the
 * rows of the jobs before it.
 * @param usersPerMinute the environment's throttle; 0 = unthrottled, then the job's own speed so far counts.
 * @param now by the clock that made the job's times.
 */
export function etaSeconds(job: Job, usersPerMinute: number, now: Date): number {
  if (job.endedAt !== null) return 0;
  const done = completedRows(job);
  const rowsLeft = job.totalRows - done + (job.ahead?.[1] ?? 0);
  if (usersPerMinute > 0 && !job.dryRun) return Math.max(1, Math.ceil((rowsLeft * 60) / usersPerMinute));
  const workedSeconds = job.startedAt === null ? 0 : (now.getTime() - job.startedAt.getTime()) / 1000;
  const rowsPerSecond = done > 0 && workedSeconds > 0 ? done / workedSeconds : UNMEASURED_ROWS_PER_SECOND;
  return Math.max(1, Math.ceil(rowsLeft / rowsPerSecond));
}

/** Speed assumed for an unthrottled job that has not shown its own yet. */
const UNMEASURED_ROWS_PER_SECOND = 5_000;
