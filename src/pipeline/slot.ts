/** One job at a time for each environment: the early look at the slot, and the answer when it is taken. */
import { AppError } from '#errors';
import { etaSeconds } from '#job/job';
import type { Queryable } from '#store/client';
import { findSlotHolder } from '#store/jobs';

export interface SlotOwner {
  environmentId: number;
  /** Throttle that holds for the environment; 0 = unthrottled. */
  usersPerMinute: number;
}

/**
 * Refuses when a job of the environment is not finished. A quick look before a body is read; the race between two
 * requests is decided by the unique index when their jobs are inserted.
 * @throws AppError job_in_progress, with the seconds that the running job needs
 */
export async function requireFreeSlot(db: Queryable, owner: SlotOwner): Promise<void> {
  const holder = await findSlotHolder(db, owner.environmentId);
  if (holder === undefined) return;
  const seconds = etaSeconds(holder, owner.usersPerMinute, holder.now);
  throw new AppError('job_in_progress', {
    details: `Job ${holder.id} is ${holder.status}; about ${seconds} s left.`,
    retryAfterSeconds: seconds,
  });
}
