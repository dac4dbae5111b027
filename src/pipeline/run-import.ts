/**
 * The story of an import: validate, upsert slice by slice at the environment's pace, refresh, completed.
 *
 * A delivery works for half a second, or one slice if that takes longer, and then delivers the next one, so that one worker serves every
 * environment in turn and a crash costs a slice. Each slice is one transaction under the lock of the job's row; it
 * checks that the job is at the delivery's revision, so deliveries that come twice or late do nothing. Stages say how
 * they ended; only this file moves the job on.
 */
import { isWaiting } from '#job/job';
import { type FinalStatus, isFinal } from '#job/lifecycle';
import type { Logger } from '#logger';
import { countEndedJob, countRateLimitWait, observeSlice } from '#metrics';
import type { Delivery, DeliveryQueue } from '#queue/delivery-queue';
import type { Store } from '#store/client';
import { isDataFault, isTransient, isUnavailable } from '#store/faults';
import {
  countFailedAttempt,
  type Ending,
  endJob,
  forgiveAttempt,
  type LockedJob,
  lockJob,
  moveJob,
} from '#store/move-job';
import { stampSlice } from '#store/paces';
import type { NextJob } from '#store/slot';
import type { ClockWatch } from './clock-watch';
import { deliverSlice } from './deliver';
import { loadErasureFilter } from './erasure-filter';
import { describeIgnored, refreshCatalogue } from './refresh';
import type { Slice } from './slice';
import { upsertSlice } from './upsert';
import { validateSlice } from './validate';

/** How long one delivery may keep a worker before others get their turn. */
const SHARE_MS = 500;

/** A slice that fails or kills its worker this often, not because the database is away, ends its job. */
const MAX_ATTEMPTS = 10;

export interface ImportDeps {
  store: Store;
  queue: DeliveryQueue;
  logger: Logger;
  /** Throttle of environments that have none of their own; 0 = unthrottled. */
  usersPerMinute: number;
  /** One for each process. */
  clock: ClockWatch;
}

/** What became of a slice, for the delivery that ran it. */
type Step =
  | { kind: 'nothing' }
  | { kind: 'ended'; job: LockedJob; status: FinalStatus; nextJob: NextJob | undefined }
  | { kind: 'next'; revision: number; delayMs: number; stampEnvironment?: number };

/** What a delivery did: nothing, as much as its share allows, or what the throttle allows at this moment. */
export type Delivered = 'nothing' | 'worked' | 'paced';

/**
 * Works on a delivery until its share of time is used up, the next slice is not due yet, or the job has ended.
 * @param wasInterrupted an earlier try may have ended with its worker: it is counted before anything is done, so that a
 * slice that kills its worker each time ends its job and not the service
 * @returns nothing when the delivery is out of date or another worker is at the job
 * @throws what kept a slice from being committed, so that the queue tries the delivery again
 */
export async function runImport(
  delivery: Delivery,
  deps: ImportDeps,
  wasInterrupted = false,
): Promise<Delivered> {
  const { jobId } = delivery;
  if (wasInterrupted && (await countAttempt(delivery, deps)) === 'given up') return 'worked';
  const startedMs = performance.now();
  for (let { revision } = delivery, done: Delivered = 'nothing'; ; done = 'worked') {
    const isCounted = wasInterrupted && revision === delivery.revision;
    const sliceMs = performance.now();
    const step = await runSlice({ jobId, revision }, isCounted, deps);
    if (step.kind === 'nothing') return done;
    observeSlice((performance.now() - sliceMs) / 1000);
    if (step.kind === 'ended') {
      await announceEnd(step, deps);
      return 'worked';
    }
    if (step.stampEnvironment !== undefined) await stamp(step.stampEnvironment, deps);
    revision = step.revision;
    if (step.delayMs > 0) countRateLimitWait(step.delayMs / 1000);
    if (step.delayMs > 0 || performance.now() - startedMs > SHARE_MS) {
      await deliverSlice({ jobId, revision }, step.delayMs, deps);
      return step.delayMs > 0 ? 'paced' : 'worked';
    }
  }
}

/** After the commit: the job that has waited longest goes on its way. */
async function announceEnd(
  { job, status, nextJob }: { job: LockedJob; status: FinalStatus; nextJob: NextJob | undefined },
  deps: Pick<ImportDeps, 'queue' | 'logger'>,
): Promise<void> {
  countEndedJob(job, status);
  deps.logger.info({ job_id: job.id, request_id: job.requestId, status }, 'import ended');
  if (nextJob !== undefined) await deliverSlice(nextJob, 0, deps);
}

/** A stamp that fails costs a little speed, as after a crash, and nothing else. */
async function stamp(environmentId: number, { store, logger }: ImportDeps): Promise<void> {
  await stampSlice(store.pool, environmentId).catch((err) => logger.warn({ err }, 'slice not stamped'));
}

async function runSlice(
  delivery: Delivery,
  isCounted: boolean,
  deps: ImportDeps,
  isCareful = false,
): Promise<Step> {
  try {
    return await deps.store.transaction(async (tx): Promise<Step> => {
      const job = await lockJob(tx, delivery.jobId);
      if (job === undefined || job.revision !== delivery.revision) return { kind: 'nothing' };
      if (isFinal(job.status) || isWaiting(job)) return { kind: 'nothing' };
      const usersPerMinute = job.environmentUsersPerMinute ?? deps.usersPerMinute;
      const { clock, store } = deps;
      // Behind the lock of lockJob, and before rows are read: what is not erased now stays so until the commit.
      const erasures = await loadErasureFilter(tx, job);
      return advance({ tx, store, job, usersPerMinute, clock, erasures, isCareful });
    });
  } catch (error) {
    // Poison is rare, and the savepoints by which it is found would slow down every slice.
    if (isDataFault(error) && !isCareful) return runSlice(delivery, isCounted, deps, true);
    const isDatabaseAway = isTransient(error) || isUnavailable(error);
    // The worker is alive: what was counted in advance was not its death.
    if (isCounted && isDatabaseAway) await forgive(delivery, deps);
    if (isDatabaseAway) throw error;
    deps.logger.error({ err: error, job_id: delivery.jobId }, 'slice failed');
    if (!isCounted && (await countAttempt(delivery, deps)) === 'given up') return { kind: 'nothing' };
    throw error;
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
      return end(slice, 'failed', {
        errorCode: 'no_rows_applied',
        warnings: describeIgnored(job.observations),
      });
    }
    case 'pending_refresh':
      return end(slice, 'completed', { warnings: await refreshCatalogue(slice) });
    default:
      return { kind: 'nothing' };
  }
}

function at(revision: number): Step {
  return { kind: 'next', revision, delayMs: 0 };
}

async function end({ tx, job }: Slice, status: FinalStatus, ending: Ending): Promise<Step> {
  return { kind: 'ended', job, status, nextJob: await endJob(tx, job, status, ending) };
}

function next({ job }: Slice, more: { revision: number; delayMs: number; paced?: boolean }): Step {
  const step: Step = { kind: 'next', revision: more.revision, delayMs: more.delayMs };
  return more.paced ? { ...step, stampEnvironment: job.environmentId } : step;
}

/** Counts a try of the slice; ends the job when there were too many, so that its slot is free for others. */
async function countAttempt(
  { jobId, revision }: Delivery,
  deps: ImportDeps,
): Promise<'goes on' | 'given up'> {
  const { store, logger } = deps;
  const attempts = await countFailedAttempt(store.pool, jobId, revision);
  if (attempts === 0) return 'goes on';
  logger.warn({ job_id: jobId, attempts }, 'slice is tried again');
  if (attempts < MAX_ATTEMPTS) return 'goes on';
  const ended = await store.transaction(async (tx) => {
    const job = await lockJob(tx, jobId);
    if (job === undefined || job.revision !== revision) return undefined;
    const ending: Ending = { errorCode: 'internal', warnings: describeIgnored(job.observations) };
    return { job, status: 'failed' as const, nextJob: await endJob(tx, job, 'failed', ending) };
  });
  if (ended !== undefined) await announceEnd(ended, deps);
  return 'given up';
}

async function forgive({ jobId, revision }: Delivery, { store, logger }: ImportDeps): Promise<void> {
  await forgiveAttempt(store.pool, jobId, revision).catch((err) =>
    logger.warn({ err, job_id: jobId }, 'attempt not forgiven'),
  );
}
