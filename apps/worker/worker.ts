/** A worker: takes deliveries from the queue, runs the import a slice further, and keeps the rescue going. */
import { ClockWatch } from '#pipeline/clock-watch';
import { runFairly } from '#pipeline/run-fairly';
import type { ImportDeps } from '#pipeline/run-import';
import { findUnfinishedJobs } from '#store/jobs';
import { startDeletingEnvironments } from './delete-environments';
import { startRescue } from './rescue';
import { startRetention } from './retention';
import { startScrub } from './scrub';
import { startWebhooks, type WebhookDeps } from './webhooks';

export interface WorkerOptions extends Omit<ImportDeps, 'clock'>, WebhookDeps {
  /** Deliveries at a time. */
  concurrency: number;
  /** Days that a finished job is kept. */
  retentionDays: number;
  /** Days that a raw text about a user is kept; undefined = as long as the user. */
  contextRetentionDays?: number | undefined;
}

/**
 * Connections of the store of a worker: two for each delivery in work, to read and to write, and one each for the stamp, the
 * rescue, the retention, the scrubbing, the deletion of environments and the webhooks.
 */
export const workerConnections = (concurrency: number): number => 2 * concurrency + 6;

/** Starts a worker. `close` finishes the slices in work and takes no more. */
export function startWorker(options: WorkerOptions): { close(): Promise<void> } {
  const deps: ImportDeps = { ...options, clock: new ClockWatch() };
  const worker = options.queue.work(
    (delivery, wasInterrupted, exchange, tell) =>
      runFairly(delivery, { ...deps, tell }, wasInterrupted, exchange),
    options.concurrency,
  );
  void options.queue
    .takeOver((jobIds) => findUnfinishedJobs(options.store.pool, jobIds))
    .then((deliveries) => deliveries > 0 && options.logger.info({ deliveries }, 'old deliveries taken over'))
    // The rescue delivers again what is left behind.
    .catch((err) => options.logger.warn({ err }, 'old deliveries not taken over'));
  const stopRescue = startRescue(deps);
  const stopRetention = startRetention(options);
  const stopScrub = startScrub(options);
  const stopDeleting = startDeletingEnvironments(options);
  const stopWebhooks = startWebhooks(options);
  return {
    async close() {
      const stops = [stopRescue, stopRetention, stopScrub, stopDeleting, stopWebhooks];
      await Promise.all([worker.close(), ...stops.map((stop) => stop())]);
    },
  };
}
