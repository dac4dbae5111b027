/**
 * The story of an import: validate, upsert slice by slice at the environment's pace, refresh, completed.
 *
 * A delivery works for half a second, or one slice if that takes longer, and then delivers the next one, so that one worker
 * serves every environment in turn and a crash costs a slice. Each slice is one transaction under a lock of the job; it
 * begins and ends with the check that the job is at the delivery's revision, so deliveries that come twice or late do
 * nothing, and neither does a slice whose job was canceled meanwhile. A slice that takes too much has less to do the next
 * time. Stages say how
 * they ended; only this file moves the job on.
 */
import { completedRows, isWaiting } from '#job/job';
import { type FinalStatus, isFinal } from '#job/lifecycle';
import type { Logger } from '#logger';
import { countEndedJob, countLimitHit, countRateLimitWait, observeSlice } from '#metrics';
import type { Delivery, DeliveryQueue, TellProgress } from '#queue/delivery-queue';
import type { Store } from '#store/client';
import { deleteDryRunProfiles } from '#store/dry-run';
import { isDataFault, isOverload, isTransient, isUnavailable } from '#store/faults';
import {
  countFailedAttempt,
  type Ending,
  endJob,
  forgiveAttempt,
  JobMovedError,
  type LockedJob,
  lockJob,
  moveJob,
  type SliceLimits,
  shrinkBatch,
} from '#store/move-job';
import { deleteObservations } from '#store/observations';
import { stampSlice } from '#store/paces';
import type { NextJob } from '#store/slot';
import { DEFAULT_MAX_PROFILE_BYTES } from '#store/upsert-rows';
import type { ClockWatch } from './clock-watch';
import { deliverSlice } from './deliver';
import { loadErasureFilter } from './erasure-filter';
import { refreshSlice, showWarnings } from './refresh';
import { BATCH_ROWS, type Slice } from './slice';
import { upsertSlice } from './upsert';
import { validateSlice } from './validate';
import { watchForCancel } from './watch-for-cancel';

/** How long one delivery may keep a worker before others get their turn. */
const SHARE_MS = 500;

/** A slice that fails or kills its worker this often, not because the database is away, ends its job. */
const MAX_ATTEMPTS = 10;

/** Before what could not be made smaller is tried again, times the tries so far. */
const ROW_RETRY_MS = 1_000;

/**
 * A batch of bounded bytes takes a tenth of a second, a row of metadata as large as it may be as well. Short, because other
 * environments wait meanwhile.
 */
const SLICE_LIMITS: SliceLimits = { batchMs: 2_000, rowMs: 5_000 };

export interface ImportDeps {
  store: Store;
  queue: DeliveryQueue;
  logger: Logger;
  /** Throttle of environments that have none of their own; 0 = unthrottled. */
  usersPerMinute: number;
  /** Bytes of stored metadata beyond which nothing may grow; default DEFAULT_MAX_PROFILE_BYTES. */
  maxProfileBytes?: number | undefined;
  /** Default SLICE_LIMITS. */
  sliceLimits?: SliceLimits | undefined;
  /** One for each process. */
  clock: ClockWatch;
  /** Told how far the job is, once a delivery. */
  tell?: TellProgress | undefined;
}

/** What became of a slice, for the delivery that ran it. */
type Step =
  | { kind: 'nothing' }
  | { kind: 'ended'; job: LockedJob; status: FinalStatus; nextJob: NextJob | undefined }
  | { kind: 'next'; revision: number; delayMs: number; stampEnvironment?: number; job?: LockedJob };

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
      tellProgress(step.job, deps);
      await announceEnd(step, deps);
      return 'worked';
    }
    if (step.stampEnvironment !== undefined) await stamp(step.stampEnvironment, deps);
    revision = step.revision;
    if (step.delayMs > 0) countRateLimitWait(step.delayMs / 1000);
    if (step.delayMs > 0 || performance.now() - startedMs > SHARE_MS) {
      if (step.job !== undefined) tellProgress(step.job, deps);
      await deliverSlice({ jobId, revision }, step.delayMs, deps);
      return step.delayMs > 0 ? 'paced' : 'worked';
    }
  }
}

/** As of the beginning of the last slice. */
function tellProgress(job: LockedJob, { tell }: ImportDeps): void {
  tell?.({ processed: completedRows(job), total: job.totalRows });
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
  const { store, logger } = deps;
  const tried = { rows: BATCH_ROWS };
  const cancel = watchForCancel(delivery.jobId, deps);
  try {
    return await store.transaction(async (tx): Promise<Step> => {
      const limits = deps.sliceLimits ?? SLICE_LIMITS;
      const taken = await lockJob(tx, delivery.jobId, limits);
      if (taken === undefined || taken.job.revision !== delivery.revision) return { kind: 'nothing' };
      const { job, pid } = taken;
      if (isFinal(job.status) || isWaiting(job)) return { kind: 'nothing' };
      cancel.interrupts(pid);
      const usersPerMinute = job.environmentUsersPerMinute ?? deps.usersPerMinute;
      const { clock, maxProfileBytes = DEFAULT_MAX_PROFILE_BYTES } = deps;
      // Behind the lock of lockJob, and before rows are read: what is not erased now stays so until the commit.
      const erasures = await loadErasureFilter(tx, job);
      const bounds = { maxProfileBytes, limits, tried, isCareful };
      return advance({ tx, store, job, usersPerMinute, clock, erasures, ...bounds });
    });
  } catch (error) {
    if (error instanceof JobMovedError || cancel.isSeen()) return { kind: 'nothing' };
    // Poison is rare, and the savepoints by which it is found would slow down every slice.
    if (isDataFault(error) && !isCareful) return await runSlice(delivery, isCounted, deps, true);
    if (isOverload(error) && (await store.answers())) return await doLess(delivery, tried.rows, error, deps);
    const isDatabaseAway = isTransient(error) || isUnavailable(error);
    // The worker is alive: what was counted in advance was not its death.
    if (isCounted && isDatabaseAway) await forgive(delivery, deps);
    if (isDatabaseAway) throw error;
    logger.error({ err: error, job_id: delivery.jobId }, 'slice failed');
    if (!isCounted && (await countAttempt(delivery, deps)) === 'given up') return { kind: 'nothing' };
    throw error;
  } finally {
    cancel.stop();
  }
}

/** The slice took too much: the next try has half of it to do; a row that cannot be done alone fails after some tries. */
async function doLess(
  { jobId, revision }: Delivery,
  triedRows: number,
  err: unknown,
  deps: ImportDeps,
): Promise<Step> {
  const { store, logger } = deps;
  const next = await shrinkBatch(store.pool, jobId, revision, triedRows);
  if (next === undefined) return { kind: 'nothing' };
  const { batchRows, attempts } = next;
  countLimitHit('batch_halved');
  logger.warn(
    { err, job_id: jobId, batch_rows: batchRows, attempts },
    'slice takes too much: the next is smaller',
  );
  if (attempts < MAX_ATTEMPTS) return { kind: 'next', revision, delayMs: (attempts - 1) * ROW_RETRY_MS };
  await giveUp({ jobId, revision }, deps);
  return { kind: 'nothing' };
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
        warnings: await showWarnings(tx, job),
      });
    }
    case 'pending_refresh': {
      const outcome = await refreshSlice(slice);
      if (outcome.kind === 'more') return next(slice, outcome);
      return end(slice, 'completed', { warnings: await showWarnings(tx, job) });
    }
    default:
      return { kind: 'nothing' };
  }
}

function at(revision: number): Step {
  return { kind: 'next', revision, delayMs: 0 };
}

async function end({ tx, job }: Slice, status: FinalStatus, ending: Ending): Promise<Step> {
  await deleteObservations(tx, job);
  if (job.dryRun) await deleteDryRunProfiles(tx, job);
  return { kind: 'ended', job, status, nextJob: await endJob(tx, job, status, ending) };
}

function next({ job }: Slice, more: { revision: number; delayMs: number; paced?: boolean }): Step {
  const step: Step = { kind: 'next', revision: more.revision, delayMs: more.delayMs, job };
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
  await giveUp({ jobId, revision }, deps);
  return 'given up';
}

/** Ends the job, unless it has moved on. */
async function giveUp({ jobId, revision }: Delivery, deps: ImportDeps): Promise<void> {
  const ended = await deps.store.transaction(async (tx) => {
    const job = (await lockJob(tx, jobId, deps.sliceLimits ?? SLICE_LIMITS))?.job;
    if (job === undefined || job.revision !== revision) return undefined;
    const ending: Ending = { errorCode: 'internal', warnings: await showWarnings(tx, job) };
    return { job, status: 'failed' as const, nextJob: await endJob(tx, job, 'failed', ending) };
  });
  if (ended !== undefined) await announceEnd(ended, deps);
}

async function forgive({ jobId, revision }: Delivery, { store, logger }: ImportDeps): Promise<void> {
  await forgiveAttempt(store.pool, jobId, revision).catch((err) =>
    logger.warn({ err, job_id: jobId }, 'attempt not forgiven'),
  );
}
