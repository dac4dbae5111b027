/** A worker: takes deliveries from the queue, runs the import a slice further, and keeps the rescue going. */
import { type ImportDeps, runImport } from '#pipeline/run-import';
import { startRescue } from './rescue';

export interface WorkerOptions extends ImportDeps {
  /** Deliveries at a time. */
  concurrency: number;
}

/** Starts a worker. `close` finishes the slices in work and takes no more. */
export function startWorker(options: WorkerOptions): { close(): Promise<void> } {
  const worker = options.queue.work((delivery) => runImport(delivery, options), options.concurrency);
  const stopRescue = startRescue(options);
  return {
    async close() {
      await Promise.all([worker.close(), stopRescue()]);
    },
  };
}
