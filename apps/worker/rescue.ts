/**
 * Delivers again what was lost: jobs that have been due for a while and that nobody works on, whatever happened to
 * their delivery (queue flushed, worker killed, queue away when the job was accepted). Sweeps abandoned uploads too.
 * One runner at a time over all workers; a delivery too many does no harm.
 */
import type { Logger } from '#logger';
import { deliverSlice } from '#pipeline/deliver';
import type { DeliveryQueue } from '#queue/delivery-queue';
import type { Store } from '#store/client';
import { claimAbandonedJobs } from '#store/move-job';
import { sweepUploads } from '#store/uploads';

const INTERVAL_MS = 5_000;
/** Longer than any slice takes, shorter than anyone wants to wait. */
const GRACE_MS = 10_000;
/** Longer than the API lets a request last. */
const UPLOAD_MAX_AGE_MS = 60 * 60 * 1000;
/** Any number that no one else locks; spells MSTR. */
const RESCUE_LOCK = 0x4d535452;

export interface RescueDeps {
  store: Store;
  queue: DeliveryQueue;
  logger: Logger;
}

/** Starts the rescue. The function that is returned stops it and waits for the run in progress. */
export function startRescue(deps: RescueDeps): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    running = running.then(() => rescue(deps)).catch((err) => deps.logger.warn({ err }, 'rescue failed'));
  }, INTERVAL_MS);
  return async () => {
    clearInterval(timer);
    await running;
  };
}

/** One run: finds what nobody drives and delivers it. Returns at once when another process is at it. */
export async function rescue({ store, queue, logger }: RescueDeps): Promise<void> {
  const abandoned = await store.transaction(async (tx) => {
    const lock = await tx.query<{ granted: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS granted', [
      RESCUE_LOCK,
    ]);
    if (!lock.rows[0]?.granted) return [];
    const uploads = await sweepUploads(tx, UPLOAD_MAX_AGE_MS);
    if (uploads > 0) logger.info({ uploads }, 'abandoned uploads removed');
    return claimAbandonedJobs(tx, GRACE_MS);
  });
  for (const delivery of abandoned) {
    logger.warn({ job_id: delivery.jobId }, 'job delivered again');
    await deliverSlice(delivery, 0, { queue, logger });
  }
}
