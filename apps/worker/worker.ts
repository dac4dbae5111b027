/** A worker: takes deliveries from the queue, runs the import a slice further, and keeps the rescue going. */
import { ClockWatch } from '#pipeline/clock-watch';
import { runFairly } from '#pipeline/run-fairly';
import type { ImportDeps } from '#pipeline/run-import';
import { startRescue } from './rescue';
import { startRetention } from './retention';

export interface WorkerOptions extends Omit<ImportDeps, 'clock'> {
  /** Deliveries at a time. */
  concurrency: number;
  /** Days that a finished job is kept. */
  retentionDays: number;
}

/**
 * Connections of the store of a worker: two for each delivery in work, to read and to write, and one each for the stamp, the
 * rescue and the retention.
 */
export const workerConnections = (concurrency: number): number => 2 * concurrency + 3;

/** Starts a worker. `close` finishes the slices in work and takes no more. */
export function startWorker(options: WorkerOptions): { close(): Promise<void> } {
  const deps: ImportDeps = { ...options, clock: new ClockWatch() };
  const worker = options.queue.work(
    (delivery, wasInterrupted, exchange) => runFairly(delivery, deps, wasInterrupted, exchange),
    options.concurrency,
  );
  const stopRescue = startRescue(deps);
  const stopRetention = startRetention(options);
  return {
    async close() {
      await Promise.all([worker.close(), stopRescue(), stopRetention()]);
    },
  };
}
