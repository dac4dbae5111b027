/**
 * The story of an import: validate, upsert slice by slice at the environment's pace, refresh, completed.
 *
 * A delivery works for about a second at most and then delivers the next one, so that one worker serves every
 * environment in turn and a crash costs a slice. Each slice is one transaction under the lock of the job's row; it
 * checks that the job is at the delivery's revision, so deliveries that come twice or late do nothing. Stages say how
 * they ended; only this file moves the job on.
 */
import { isFinal, type JobStatus } from '#job/lifecycle';
import type { Logger } from '#logger';
import type { Delivery, DeliveryQueue } from '#queue/delivery-queue';
import type { Store } from '#store/client';
import { isTransient, isUnavailable } from '#store/faults';
import { countFailedAttempt, type LockedJob, lockJob, moveJob } from '#store/move-job';
import { stampSlice } from '#store/paces';
import { deliverSlice } from './deliver';
import { describeIgnored, refreshCatalogue } from './refresh';
import type { Slice } from './slice';
import { upsertSlice } from './upsert';
import { validateSlice } from './validate';

/** How long one delivery may keep a worker before others get their turn. */
const SHARE_MS = 1_000;

/** A slice that fails this often, for a reason that is not the database being away, ends its job. */
const MAX_ATTEMPTS = 10;

export interface ImportDeps {
  store: Store;
  queue: DeliveryQueue;
  logger: Logger;
  /** Throttle of environments that have none of their own; 0 = unthrottled. */
  usersPerMinute: number;
}

/** What became of a slice, for the delivery that ran it. */
type Step =
  | { kind: 'nothing' }
  | { kind: 'ended'; job: LockedJob; status: JobStatus }
  | { kind: 'next'; revision: number; delayMs: number; stampEnvironment?: number };

/**
 * Works on a delivery until its share of time is used up, the next slice is not due yet, or the job has ended.
 * @throws what kept a slice from being committed, so that the queue tries the delivery again
 */
export async function runImport(delivery: Delivery, deps: ImportDeps): Promise<void> {
  const { jobId } = delivery;
  const startedMs = performance.now();
  for (let { revision } = delivery; ; ) {
    const step = await runSlice({ jobId, revision }, deps);
    if (step.kind === 'nothing') return;
    if (step.kind === 'ended') {
      deps.logger.info(
        { job_id: jobId, request_id: step.job.requestId, status: step.status },
        'import ended',
      );
      return;
    }
    if (step.stampEnvironment !== undefined) await stamp(step.stampEnvironment, deps);
    revision = step.revision;
    if (step.delayMs > 0 || performance.now() - startedMs > SHARE_MS) {
      await deliverSlice({ jobId, revision }, step.delayMs, deps);
      return;
    }
  }
}

/** A stamp that fails costs a little speed, as after a crash, and nothing else. */
async function stamp(environmentId: number, { store, logger }: ImportDeps): Promise<void> {
  await stampSlice(store.pool, environmentId).catch((err) => logger.warn({ err }, 'slice not stamped'));
}

async function runSlice(delivery: Delivery, deps: ImportDeps): Promise<Step> {
  try {
    return await deps.store.transaction(async (tx): Promise<Step> => {
      const job = await lockJob(tx, delivery.jobId);
      if (job === undefined || job.revision !== delivery.revision || isFinal(job.status))
        return { kind: 'nothing' };
      const usersPerMinute = job.environmentUsersPerMinute ?? deps.usersPerMinute;
      return advance({ tx, job, usersPerMinute });
    });
  } catch (error) {
    if (isTransient(error) || isUnavailable(error)) throw error;
    return giveUpOrThrow(delivery, error, deps);
  }
}

/** One slice of whatever stage the job is in. */
async function advance(slice: Slice): Promise<Step> {
  const { tx, job } = slice;
  switch (job.status) {
    case 'queued':
      return at(await moveJob(tx, job, 'validating'));
    case 'validating': {
      const outcome = await validateSlice(slice);
      if (outcome.kind === 'more') return next(slice, outcome);
      if (job.cursor !== job.totalRows)
        throw new Error(`${job.totalRows - job.cursor} staged rows are missing`);
      return at(await moveJob(tx, job, 'processing'));
    }
    case 'processing': {
      const outcome = await upsertSlice(slice);
      if (outcome.kind === 'more') return next(slice, outcome);
      if (job.failedRows < job.totalRows) return at(await moveJob(tx, job, 'pending_refresh'));
      await moveJob(tx, job, 'failed', {
        errorCode: 'no_rows_applied',
        warnings: describeIgnored(job.observations),
      });
      return { kind: 'ended', job, status: 'failed' };
    }
    case 'pending_refresh':
      await moveJob(tx, job, 'completed', { warnings: await refreshCatalogue(slice) });
      return { kind: 'ended', job, status: 'completed' };
    default:
      return { kind: 'nothing' };
  }
}

function at(revision: number): Step {
  return { kind: 'next', revision, delayMs: 0 };
}

function next({ job }: Slice, more: { revision: number; delayMs: number; paced?: boolean }): Step {
  const step: Step = { kind: 'next', revision: more.revision, delayMs: more.delayMs };
  return more.paced ? { ...step, stampEnvironment: job.environmentId } : step;
}

/** Counts the failed try; ends the job when there were too many, so that its slot is free for others. */
async function giveUpOrThrow(delivery: Delivery, error: unknown, deps: ImportDeps): Promise<Step> {
  const { jobId, revision } = delivery;
  const attempts = await countFailedAttempt(deps.store.pool, jobId, revision);
  deps.logger.error({ err: error, job_id: jobId, attempts }, 'slice failed');
  if (attempts < MAX_ATTEMPTS) throw error;
  return deps.store.transaction(async (tx): Promise<Step> => {
    const job = await lockJob(tx, jobId);
    if (job === undefined || job.revision !== revision) return { kind: 'nothing' };
    await moveJob(tx, job, 'failed', { errorCode: 'internal', warnings: describeIgnored(job.observations) });
    return { kind: 'ended', job, status: 'failed' };
  });
}
