/** Takes an accepted upload over into work: the job is committed first, only then is it delivered. */
import { isWaiting, type Job } from '#job/job';
import type { Logger } from '#logger';
import type { DeliveryQueue } from '#queue/delivery-queue';
import type { Transaction } from '#store/client';
import { deliverSlice } from './deliver';
import type { StagedUpload, UploadedFile } from './stage';

/**
 * Makes the job and sends it on its way, unless it waits for its turn.
 * @param also what else belongs to the transaction that makes the job
 * @returns the job as committed; a queue that is away is no reason to fail
 * @throws AppError job_in_progress, and what `also` throws
 */
export async function receive(
  upload: StagedUpload,
  file: UploadedFile,
  deps: { queue: DeliveryQueue; logger: Logger },
  also?: (tx: Transaction, job: Job) => Promise<void>,
): Promise<Job> {
  const job = await upload.accept(file, also);
  sendOff(job, deps);
  return job;
}

/** A job that was just made goes to the workers. Not awaited: a queue that is away must not keep the client waiting. */
export function sendOff(job: Job, deps: { queue: DeliveryQueue; logger: Logger }): void {
  const { id: jobId, revision, requestId, totalRows, fileSize, dryRun } = job;
  const fields = { job_id: jobId, request_id: requestId, rows: totalRows, bytes: fileSize, dry_run: dryRun };
  deps.logger.info(fields, isWaiting(job) ? 'import accepted, waits for its turn' : 'import accepted');
  if (!isWaiting(job)) void deliverSlice({ jobId, revision }, 0, deps);
}
