/**
 * One job at a time for each environment: the early look at the slot, the line of those who wait for it, and the answer
 * when there is no room. Dry runs need no slot: they have a few places and a line of their own.
 */
import { AppError } from '#errors';
import { etaSeconds } from '#job/job';
import { countLimitHit } from '#metrics';
import type { Queryable, Transaction } from '#store/client';
import {
  DRY_RUN_SLOTS,
  freeDryRunSlot,
  lockDryRuns,
  readUnfinishedDryRuns,
  type UnfinishedDryRuns,
} from '#store/dry-run-line';
import { violates } from '#store/faults';
import { findSlotHolder, SLOT_INDEX } from '#store/jobs';
import { countWaiting, lockSlot } from '#store/slot';

/** Jobs of an environment that may wait for its slot, and dry runs that may wait for one of their places. */
const MAX_WAITING_JOBS = 10;

export interface SlotOwner {
  environmentId: number;
  /** Throttle that holds for the environment; 0 = unthrottled. */
  usersPerMinute: number;
}

/** What a new job does about the slot. */
export interface SlotRequest {
  owner: SlotOwner;
  dryRun: boolean;
  /** While another job holds it: refuse, or wait in line. */
  onBusy: 'reject' | 'queue';
}

/**
 * Refuses when the job could not be made at this moment. A quick look before and while a body is read; the race between
 * two requests is decided when their jobs are made.
 * @throws AppError job_in_progress, with the seconds that the running job needs; rate_limited for a dry run
 */
export async function requireRoom(db: Queryable, { owner, dryRun, onBusy }: SlotRequest): Promise<void> {
  if (dryRun) return requireDryRunRoom(await readUnfinishedDryRuns(db, owner.environmentId), owner);
  const holder = await findSlotHolder(db, owner.environmentId);
  if (holder === undefined) return;
  const waiting = onBusy === 'queue' ? await countWaiting(db, owner.environmentId) : undefined;
  if (waiting !== undefined && waiting < MAX_WAITING_JOBS) return;
  const seconds = etaSeconds(holder, owner.usersPerMinute, holder.now);
  const line = waiting === undefined ? '' : ` ${waiting} jobs wait for their turn already.`;
  throw new AppError('job_in_progress', {
    details: `Job ${holder.id} is ${holder.status}; about ${seconds} s left.${line}`,
    retryAfterSeconds: seconds,
  });
}

function requireDryRunRoom({ working, waiting }: UnfinishedDryRuns, { usersPerMinute }: SlotOwner): void {
  if (waiting < MAX_WAITING_JOBS) return;
  countLimitHit('dry_runs');
  const seconds = Math.max(1, Math.min(...working.map((job) => etaSeconds(job, usersPerMinute, job.now))));
  throw new AppError('rate_limited', {
    details: `${working.length} dry runs are at work and ${waiting} wait already; the first ends in about ${seconds} s.`,
    retryAfterSeconds: seconds,
    headers: {
      RateLimit: `"dry-runs";r=0;t=${seconds}`,
      'RateLimit-Policy': `"dry-runs";q=${DRY_RUN_SLOTS + MAX_WAITING_JOBS}`,
    },
  });
}

/** Where a new job stands. */
interface Place {
  holdsSlot: boolean;
  dryRunSlot: number | null;
}

/**
 * Whether a job that this transaction makes holds the slot or waits in line. Until the commit nobody else lines up.
 * @throws AppError job_in_progress when the line is full, rate_limited when that of the dry runs is
 */
export async function takePlace(tx: Transaction, request: SlotRequest): Promise<Place> {
  if (request.dryRun) return { holdsSlot: false, dryRunSlot: await takeDryRunSlot(tx, request.owner) };
  // The unique index on the slot decides.
  if (request.onBusy === 'reject') return { holdsSlot: true, dryRunSlot: null };
  const { environmentId } = request.owner;
  await lockSlot(tx, environmentId);
  await requireRoom(tx, request);
  return { holdsSlot: (await findSlotHolder(tx, environmentId)) === undefined, dryRunSlot: null };
}

async function takeDryRunSlot(tx: Transaction, owner: SlotOwner): Promise<number | null> {
  await lockDryRuns(tx, owner.environmentId);
  const unfinished = await readUnfinishedDryRuns(tx, owner.environmentId);
  requireDryRunRoom(unfinished, owner);
  const slot = unfinished.waiting > 0 ? undefined : freeDryRunSlot(unfinished.working);
  if (slot === undefined) countLimitHit('dry_runs');
  return slot ?? null;
}

const PLACE_TRIES = 3;

/**
 * Runs what makes a job, and words the refusal when another request was faster.
 * @param make one transaction, which calls takePlace
 * @throws AppError job_in_progress; nothing is made then
 */
export async function inPlace<T>(db: Queryable, request: SlotRequest, make: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await make();
    } catch (error) {
      if (!violates(error, SLOT_INDEX)) throw error;
      // Who would rather wait tries again: now the faster job is there to be waited for.
      if (request.onBusy === 'queue' && attempt < PLACE_TRIES) continue;
      await requireRoom(db, { ...request, onBusy: 'reject' });
      throw new AppError('job_in_progress', {
        details: 'It has ended by now: try again.',
        retryAfterSeconds: 1,
      });
    }
  }
}
