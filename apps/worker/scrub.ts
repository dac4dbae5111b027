/** Keeps the scrubbing of erased people going. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '#logger';
import { scrubStep } from '#pipeline/scrub';
import type { Store } from '#store/client';

const INTERVAL_MS = 1_000;

export interface ScrubDeps {
  store: Store;
  logger: Logger;
}

/**
 * Asks every second whether there is something to scrub, and then takes as long a rest after each step as the step took, so
 * that imports go on. The function that is returned stops it and waits for the step in progress.
 */
export function startScrub({ store, logger }: ScrubDeps): () => Promise<void> {
  let isStopping = false;
  const run = async () => {
    for (let startMs = performance.now(); !isStopping && (await scrubStep(store)); ) {
      await sleep(performance.now() - startMs);
      startMs = performance.now();
    }
  };
  let running: Promise<void> | undefined;
  const start = () => {
    running ??= run()
      .catch((err) => logger.warn({ err }, 'scrubbing failed'))
      .finally(() => {
        running = undefined;
      });
  };
  const timer = setInterval(start, INTERVAL_MS);
  return async () => {
    isStopping = true;
    clearInterval(timer);
    await running;
  };
}
