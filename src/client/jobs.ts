/** Jobs: one, all of them, and what can be done to one. */
import type { Job } from './api';
import { readPages } from './http/read-pages';
import { type ApiRequest, type Connection, pathPart, readJson } from './http/request';
import { readRetryAfter } from './http/retry-after';
import { outwaitSlot, type SlotOptions } from './import-rows';
import { type ShownStatus, shownStatus, wireStatus } from './job-status';

export interface CallOptions {
  /** Ends the call, its retries and its waits at once, with the signal's reason. */
  signal?: AbortSignal;
}

export interface JobOptions extends CallOptions {
  /** Seconds, 0 to 60, that the service may wait for a change before it answers. */
  wait?: number;
  /** A job as this client has given it: answered with the same object while nothing has changed. */
  since?: Job;
}

export interface JobsOptions extends CallOptions {
  /** `canceled` is a state of its own here, and not among the `failed`. */
  status?: ShownStatus;
  type?: Job['type'];
  /** Only imports that had a row of this user, or of this company. Not both. */
  userId?: string;
  companyId?: string;
  /** Most jobs in all. Default: every one there is. */
  limit?: number;
}

/** A job and what the service said beside it. */
export interface SeenJob {
  job: Job;
  /** Whether the service has ETags, and so is one that waits. */
  hasEtag: boolean;
  retryAfterSeconds: number | undefined;
}

const MAX_PAGE_JOBS = 100;

/** ETags of the jobs that were given away. */
const etags = new WeakMap<Job, string>();

export function jobPath(jobId: string): string {
  return `/v1/background_jobs/${pathPart(jobId)}`;
}

/** Whether a job will never change again. */
export function isFinished(job: Pick<Job, 'status'>): boolean {
  return job.status === 'completed' || job.status === 'failed';
}

/** @throws MusterError */
export function readJob(
  connection: Connection,
  jobId: string,
  { wait, since, signal }: JobOptions = {},
): Promise<SeenJob> {
  const known = since && etags.get(since);
  const request: ApiRequest = {
    path: jobPath(jobId),
    query: { wait },
    headers: known === undefined ? {} : { 'If-None-Match': known },
    reads: [304],
    signal,
  };
  return connection.request(request, async (answer) => {
    const job = answer.status === 304 && since ? since : await readJson<Job>(answer);
    const etag = answer.headers.get('etag');
    if (etag !== null) etags.set(job, etag);
    return {
      job,
      hasEtag: etags.has(job),
      retryAfterSeconds: readRetryAfter(answer.headers),
    };
  });
}

/** Newest first, page after page. @throws MusterError */
export async function* listJobs(
  connection: Connection,
  { status, type, userId, companyId, limit = Number.POSITIVE_INFINITY, signal }: JobsOptions,
): AsyncGenerator<Job, void, undefined> {
  const query = { status: status && wireStatus(status), type, user_id: userId, company_id: companyId };
  // Of an id a page may have few jobs, as the service looks through no more than its limit.
  const isOfId = userId !== undefined || companyId !== undefined;
  const pageLimit = isOfId ? MAX_PAGE_JOBS : Math.min(limit, MAX_PAGE_JOBS);
  const request = { path: '/v1/background_jobs', query, signal };
  let left = limit;
  if (left <= 0) return;
  // Two states may be one on the wire, so the limit counts those that are yielded.
  for await (const job of readPages<Job>(connection, request, Number.POSITIVE_INFINITY, pageLimit)) {
    if (status !== undefined && shownStatus(job) !== status) continue;
    yield job;
    if (--left <= 0) return;
  }
}

/** @throws MusterError */
export function cancelJob(connection: Connection, jobId: string, { signal }: CallOptions): Promise<Job> {
  return connection.request({ method: 'POST', path: `${jobPath(jobId)}/cancel`, signal }, readJson<Job>);
}

/** @throws MusterError */
export function retryJob(connection: Connection, jobId: string, options: SlotOptions): Promise<Job> {
  const { onBusy, signal } = options;
  const request = {
    method: 'POST',
    path: `${jobPath(jobId)}/retry`,
    query: { on_busy: onBusy },
    signal,
  } as const;
  return outwaitSlot(connection, options, () => connection.request(request, readJson<Job>));
}
