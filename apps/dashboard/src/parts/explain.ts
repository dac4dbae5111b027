import { isMusterError } from '#client/index';

const RUNNING_JOB = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/;

/** What went wrong, in the service's own sentence where there is one. */
export function explain(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : 'Something went wrong.';
}

/** The job that holds the environment's turn, when that is why a request was refused. */
export function runningJob(thrown: unknown): string | undefined {
  return isMusterError(thrown, 'job_in_progress') ? RUNNING_JOB.exec(thrown.details)?.[0] : undefined;
}
