/** Keeps the deletion of environments going. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '#logger';
import type { Store } from '#store/client';
import { EnvironmentDeletion } from '#store/delete-environment';

const INTERVAL_MS = 2_000;

/**
 * Asks every two seconds whether an environment is to be deleted, and rests after each step as long as it took. The function
 * that is returned stops it and waits for the step in progress.
 */
export function startDeletingEnvironments({
  store,
  logger,
}: {
  store: Store;
  logger: Logger;
}): () => Promise<void> {
  const deletion = new EnvironmentDeletion(store);
  let isStopping = false;
  const run = async () => {
    while (!isStopping) {
      const startMs = performance.now();
      const step = await deletion.step();
      if (step === 'nothing to do') return;
      if (step !== 'more') logger.info({ environment: step.deleted }, 'environment deleted');
      await sleep(performance.now() - startMs);
    }
  };
  let running: Promise<void> | undefined;
  const start = () => {
    running ??= run()
      .catch((err) => logger.warn({ err }, 'deletion of an environment failed'))
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
