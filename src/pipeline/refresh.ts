/** Stage `pending_refresh`: brings the property catalogue up to date, some keys at a time, and words the job's warnings. */
import { firstWarnings, type JobWarning, MAX_SHOWN_WARNINGS } from '#job/observations';
import { countLimitHit } from '#metrics';
import type { Transaction } from '#store/client';
import { countWarnings, listWarnings } from '#store/job-warnings';
import { advanceJob, type LockedJob } from '#store/move-job';
import { catalogueObserved } from '#store/observations';
import { recordOlderObservations } from './record-observations';
import type { Slice, SliceOutcome } from './slice';

/** Keys of one slice: a tenth of a second's work. */
const SLICE_KEYS = 1_000;

/** Adds the next of what the job has seen to the catalogue, unless it is a dry run. */
export async function refreshSlice({ tx, job }: Slice): Promise<SliceOutcome> {
  const recorded = await recordOlderObservations(tx, job);
  const taken = await catalogueObserved(tx, job, SLICE_KEYS);
  if (taken < SLICE_KEYS) return { kind: 'done' };
  const revision = await advanceJob(tx, job, { ...recorded, cursor: job.cursor + taken });
  return { kind: 'more', revision, delayMs: 0 };
}

/** The warnings that the job itself shows. */
export async function showWarnings(
  tx: Transaction,
  job: Pick<LockedJob, 'id' | 'environmentId'>,
): Promise<JobWarning[]> {
  const first = await listWarnings(tx, job, { limit: MAX_SHOWN_WARNINGS + 1 });
  const warnings = first.map(({ warning }) => warning);
  if (warnings.length <= MAX_SHOWN_WARNINGS) return warnings;
  countLimitHit('warnings');
  return firstWarnings(warnings, await countWarnings(tx, job), MAX_SHOWN_WARNINGS);
}
