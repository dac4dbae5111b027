/**
 * The states of a job and the only moves between them. docs/lifecycle.md is drawn from this table; src/store/move-job.ts
 * is the only writer of a state and refuses every other move.
 */

/** From acceptance to the three ends. How a vendor's wire calls them, its dialect knows. */
export const STATUSES = [
  'queued',
  'validating',
  'processing',
  'pending_refresh',
  'completed',
  'failed',
  'canceled',
] as const;

export type JobStatus = (typeof STATUSES)[number];

export const TRANSITIONS: Readonly<Record<JobStatus, readonly JobStatus[]>> = {
  queued: ['validating', 'failed', 'canceled'],
  validating: ['processing', 'failed', 'canceled'],
  processing: ['pending_refresh', 'failed', 'canceled'],
  pending_refresh: ['completed', 'failed', 'canceled'],
  completed: [],
  failed: [],
  canceled: [],
};

/** States that a job never leaves. */
export type FinalStatus = Extract<JobStatus, 'completed' | 'failed' | 'canceled'>;

/** Whether a job in this state will never change again. */
export function isFinal(status: JobStatus): boolean {
  return TRANSITIONS[status].length === 0;
}
