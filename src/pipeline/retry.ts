/** Tries the failed and unprocessed rows of a job again, as a job of its own. */
import { AppError } from '#errors';
import type { Job } from '#job/job';
import { isFinal } from '#job/lifecycle';
import type { Logger } from '#logger';
import type { DeliveryQueue } from '#queue/delivery-queue';
import type { Store, Transaction } from '#store/client';
import { findErasures } from '#store/erase';
import { insertJob } from '#store/jobs';
import { awaitJobLock, type LockedJob } from '#store/move-job';
import { requireOpenEnvironment } from '#store/open-environment';
import { copyUnsettledRows } from '#store/staged-rows';
import { sendOff } from './receive';
import { scrubJob } from './scrub';
import { inPlace, requireRoom, type SlotOwner, type SlotRequest, takePlace } from './slot';
import { requireStorage } from './storage-quota';

export interface RetryRequest {
  owner: SlotOwner;
  /** The job whose rows are tried again. */
  parentJobId: string;
  /** Id of the new job. */
  jobId: string;
  requestId: string;
  onBusy: 'reject' | 'queue';
  /** Quota of the environment; 0 = none. */
  maxStoredBytes: number;
}

/**
 * Makes the new job of the same kind, file name and options, with copies of the rows as they were sent.
 * @throws AppError job_not_found, job_not_finished, nothing_to_retry, job_in_progress, rate_limited, storage_full
 */
export async function retryJob(
  request: RetryRequest,
  deps: { store: Store; queue: DeliveryQueue; logger: Logger },
): Promise<Job> {
  const { store } = deps;
  for (;;) {
    // Rows of those who were erased are not tried again: they are taken out first.
    const scrubbedId = await scrubJob(store, request.owner.environmentId, request.parentJobId);
    const make = () =>
      store.bulkTransaction(request.owner.environmentId, (tx) => makeChild(tx, request, scrubbedId));
    try {
      const job = await inPlace(store.pool, { ...request, dryRun: false }, make);
      sendOff(job, deps);
      return job;
    } catch (error) {
      if (!(error instanceof ErasedMeanwhile)) throw error;
    }
  }
}

/** Somebody was erased while their rows may have been copied. */
class ErasedMeanwhile extends Error {}

/** @param scrubbedId the last erasure that the parent's rows are scrubbed of */
async function makeChild(tx: Transaction, request: RetryRequest, scrubbedId: number): Promise<Job> {
  const { owner, parentJobId, jobId, requestId, onBusy, maxStoredBytes } = request;
  const parent = await awaitJobLock(tx, owner.environmentId, parentJobId);
  if (parent === undefined) throw new AppError('job_not_found');
  if (!isFinal(parent.status)) throw new AppError('job_not_finished');
  const slot: SlotRequest = { owner, dryRun: parent.dryRun, onBusy };
  await requireRoom(tx, slot);
  const { environmentId } = owner;
  await requireStorage(tx, { environmentId, maxStoredBytes });
  const { rows, bytes } = await copyUnsettledRows(tx, owner.environmentId, parentJobId, jobId);
  if (rows === 0) throw new AppError('nothing_to_retry');
  await requireOpenEnvironment(tx, owner.environmentId);
  if ((await findErasures(tx, parent, scrubbedId)).length > 0) throw new ErasedMeanwhile();
  const place = await takePlace(tx, slot);
  const child = { ...place, ...inherited(parent), id: jobId, fileSize: bytes, totalRows: rows, requestId };
  const job = await insertJob(tx, child);
  await requireStorage(tx, { environmentId, maxStoredBytes, more: 0 });
  return job;
}

function inherited(parent: LockedJob) {
  const { id: parentJobId, environmentId, entity, filename, csvHeader } = parent;
  const { dryRun, metadataMode, existingMode, nested, reading } = parent;
  return {
    parentJobId,
    environmentId,
    entity,
    filename,
    csvHeader,
    dryRun,
    metadataMode,
    existingMode,
    nested,
    reading,
    warnings: [],
  };
}
