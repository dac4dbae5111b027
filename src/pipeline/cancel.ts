/** Cancels a job for good: when this returns, no further row of it is written. */
import { AppError } from '#errors';
import { isFinal } from '#job/lifecycle';
import type { Logger } from '#logger';
import { countEndedJob } from '#metrics';
import type { DeliveryQueue } from '#queue/delivery-queue';
import type { Store } from '#store/client';
import { awaitJobLock, endJob } from '#store/move-job';
import { deliverSlice } from './deliver';
import { showWarnings } from './refresh';

/**
 * Ends the job at once, whatever the slice in work does: it finds the job moved when it is about to commit, and writes
 * nothing. What was applied stays; the rest is unprocessed. The slot goes to the job that has waited longest.
 * @throws AppError job_not_found, job_finished
 */
export async function cancelJob(
  environmentId: number,
  id: string,
  deps: { store: Store; queue: DeliveryQueue; logger: Logger },
): Promise<void> {
  const { job, nextJob } = await deps.store.transaction(async (tx) => {
    const job = await awaitJobLock(tx, environmentId, id);
    if (job === undefined) throw new AppError('job_not_found');
    if (isFinal(job.status)) throw new AppError('job_finished');
    const warnings = await showWarnings(tx, job);
    return { job, nextJob: await endJob(tx, job, 'canceled', { errorCode: 'canceled', warnings }) };
  });
  countEndedJob(job, 'canceled');
  deps.logger.info({ job_id: id, status: 'canceled' }, 'import ended');
  if (nextJob !== undefined) void deliverSlice(nextJob, 0, deps);
}
