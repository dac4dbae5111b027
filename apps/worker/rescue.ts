/**
 * Delivers again what was lost: jobs that have been due for a while and that nobody works on, whatever happened to
 * their delivery (queue flushed, worker killed, queue away when the job was accepted). While the queue takes nothing it
 * runs them a slice further itself: slowly, but without the queue. Sweeps abandoned uploads too.
 * One runner at a time over all workers; a delivery too many does no harm.
 */
import type { Logger } from '#logger';
import { countRescue } from '#metrics';
import { type ImportDeps, runImport } from '#pipeline/run-import';
import type { Delivery } from '#queue/delivery-queue';
import type { Transaction } from '#store/client';
import { sweepDryRunProfiles } from '#store/dry-run';
import { findStalledDryRuns, handOverDryRunSlot, lockDryRuns } from '#store/dry-run-line';
import { claimAbandonedJobs } from '#store/move-job';
import { findStalledLines, handOverSlot, lockSlot } from '#store/slot';
import { sweepUploads } from '#store/uploads';

const INTERVAL_MS = 2_500;
/**
 * Longer than a killed worker's delivery takes to come again by the queue itself; with the interval it is what a job
 * waits at most when its delivery is lost.
 */
const GRACE_MS = 10_000;
/** Longer than the API lets a request last. */
const UPLOAD_MAX_AGE_MS = 60 * 60 * 1000;
/** Any number that no one else locks; spells MSTR. */
const RESCUE_LOCK = 0x4d535452;

/** Starts the rescue. The function that is returned stops it and waits for the run in progress. */
export function startRescue(deps: ImportDeps): () => Promise<void> {
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
export async function rescue(deps: ImportDeps): Promise<void> {
  const { store, logger } = deps;
  const abandoned = await store.transaction(async (tx) => {
    const lock = await tx.query<{ granted: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS granted', [
      RESCUE_LOCK,
    ]);
    if (!lock.rows[0]?.granted) return [];
    const uploads = await sweepUploads(tx, UPLOAD_MAX_AGE_MS);
    await sweepDryRunProfiles(tx);
    if (uploads > 0) logger.info({ uploads }, 'abandoned uploads removed');
    await unblockLines(tx, logger);
    return claimAbandonedJobs(tx, GRACE_MS);
  });
  for (const delivery of abandoned) await deliverOrRun(delivery, deps);
}

/** Gives free slots, and free places for dry runs, to jobs that wait for them. They count as abandoned after the grace, and are delivered then. */
async function unblockLines(tx: Transaction, logger: Logger): Promise<void> {
  for (const environmentId of await findStalledLines(tx)) {
    await lockSlot(tx, environmentId);
    const next = await handOverSlot(tx, environmentId);
    if (next !== undefined) logger.warn({ job_id: next.jobId }, 'waiting job found beside a free slot');
  }
  for (const environmentId of await findStalledDryRuns(tx)) {
    await lockDryRuns(tx, environmentId);
    const next = await handOverDryRunSlot(tx, environmentId);
    if (next !== undefined) logger.warn({ job_id: next.jobId }, 'waiting dry run found beside a free place');
  }
}

async function deliverOrRun(delivery: Delivery, deps: ImportDeps): Promise<void> {
  const { queue, logger } = deps;
  countRescue();
  try {
    await queue.deliver(delivery);
    logger.warn({ job_id: delivery.jobId }, 'job delivered again');
  } catch (err) {
    logger.warn({ err, job_id: delivery.jobId }, 'queue takes nothing: slice run without it');
    // Nobody would notice if this killed the worker: so it counts as a try beforehand.
    await runImport(delivery, deps, true);
  }
}
