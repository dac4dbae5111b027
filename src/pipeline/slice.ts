/** What a stage gets for one slice and what it answers. A stage never moves a job's state: it says how it ended. */

import type { Transaction } from '#store/client';
import type { LockedJob } from '#store/move-job';
import type { ClockWatch } from './clock-watch';

export interface Slice {
  tx: Transaction;
  job: LockedJob;
  /** Throttle that holds for this job's environment; 0 = unthrottled. */
  usersPerMinute: number;
  clock: ClockWatch;
}

/** How a slice of a stage ended. */
export type SliceOutcome =
  /** There is more to do, from this time on (milliseconds of the database's clock; absent = at once). */
  | { kind: 'more'; revision: number; delayMs: number; paced?: boolean }
  /** The stage has nothing left to do. */
  | { kind: 'done' };

/** Rows and bytes of one slice where the throttle does not set them: some ten milliseconds of work. */
export const SLICE_ROWS = 500;
export const SLICE_BYTES = 2 * 1024 * 1024;
