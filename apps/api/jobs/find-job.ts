/** The job that a path names, as the caller may see it. */
import type { Request, Response } from 'express';
import type { Dialect } from '#dialect/dialect';
import { AppError } from '#errors';
import { etaSeconds } from '#job/job';
import { isFinal } from '#job/lifecycle';
import { type ReadJob, readJob } from '#store/jobs';
import { type ApiDeps, type Caller, callerOf } from '../context';

const MAX_POLL_HINT_SECONDS = 10;

/** @throws AppError job_not_found, also for a job of another environment */
export function requireJobId(req: Request<{ jobId: string }>, res: Response, dialect: Dialect): string {
  const id = dialect.readJobId(req.params.jobId, callerOf(res).slug);
  if (id === undefined) throw new AppError('job_not_found');
  return id;
}

/** @throws AppError job_not_found */
export async function requireJob({ store }: ApiDeps, res: Response, id: string): Promise<ReadJob> {
  const job = await readJob(store.pool, callerOf(res).environmentId, id);
  if (job === undefined) throw new AppError('job_not_found');
  return job;
}

/**
 * The entity tag of the job. Weak, because elapsed_time goes on without a change of the job.
 * A job that waits changes with its place in the line too.
 */
export function entityTag(job: ReadJob): string {
  return `W/"${job.revision}-${job.ahead?.[0] ?? ''}"`;
}

/** Whether If-None-Match names this tag: the weak comparison of RFC 9110, 8.8.3.2. */
export function matches(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === '*') return true;
  const opaque = (one: string) => one.trim().replace(/^W\//, '');
  return ifNoneMatch.split(',').some((one) => opaque(one) === opaque(tag));
}

/** Seconds after which asking again is worth it; undefined when the job has ended. */
export function pollAfterSeconds(job: ReadJob, caller: Caller): number | undefined {
  if (isFinal(job.status)) return undefined;
  return Math.min(etaSeconds(job, caller.usersPerMinute, job.now), MAX_POLL_HINT_SECONDS);
}
