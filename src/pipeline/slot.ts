/**
 * One job at a time for each environment: the early look at the slot, the line of those who wait for it, and the answer
 * when there is no room. Dry runs need no slot.
 */
import { AppError } from '#errors';
import { etaSeconds } from '#job/job';
import type { Queryable, Transaction } from '#store/client';
import { violates } from '#store/faults';
import { findSlotHolder, SLOT_INDEX } from '#store/jobs';
import { countWaiting, lockSlot } from '#store/slot';

/** Jobs of an environment that may wait for its slot. */
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
 * @throws AppError job_in_progress, with the seconds that the running job needs
 */
export async function requireRoom(db: Queryable, { owner, dryRun, onBusy }: SlotRequest): Promise<void> {
  if (dryRun) return;
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

/**
 * Whether a job that this transaction makes holds the slot or waits in line. Until the commit nobody else lines up.
 * @throws AppError job_in_progress when the line is full
 */
export async function takePlace(tx: Transaction, request: SlotRequest): Promise<{ holdsSlot: boolean }> {
  if (request.dryRun) return { holdsSlot: false };
  // The unique index on the slot decides.
  if (request.onBusy === 'reject') return { holdsSlot: true };
  const { environmentId } = request.owner;
  await lockSlot(tx, environmentId);
  await requireRoom(tx, request);
  return { holdsSlot: (await findSlotHolder(tx, environmentId)) === undefined };
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
