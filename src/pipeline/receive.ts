/** Takes an accepted upload over into work: the job is committed first, only then is it delivered. */

import type { Job } from '#job/job';
import type { Logger } from '#logger';
import type { DeliveryQueue } from '#queue/delivery-queue';
import { deliverSlice } from './deliver';
import type { StagedUpload } from './stage';

/**
 * Makes the job and sends it on its way.
 * @returns the job as committed; a queue that is away is no reason to fail
 * @throws AppError job_in_progress
 */
export async function receive(
  upload: StagedUpload,
  filename: string,
  deps: { queue: DeliveryQueue; logger: Logger },
): Promise<Job> {
  const job = await upload.accept(filename);
  deps.logger.info(
    { job_id: job.id, request_id: job.requestId, rows: upload.rows, bytes: upload.bytes },
    'import accepted',
  );
  // Not awaited: a queue that is away must not keep the client waiting.
  void deliverSlice({ jobId: job.id, revision: job.revision }, 0, deps);
  return job;
}
