/** Deletes what has been kept long enough: finished jobs with their rows and results, and raw texts about users. */
import type { Logger } from '#logger';
import type { Store } from '#store/client';
import { deleteOldContexts } from '#store/context-retention';
import { deleteExpired } from '#store/retention';

const INTERVAL_MS = 10 * 60 * 1000;

export interface RetentionDeps {
  store: Store;
  logger: Logger;
  /** Days that a finished job is kept. */
  retentionDays: number;
  /** Days that a raw text about a user is kept; undefined = as long as the user. */
  contextRetentionDays?: number | undefined;
}

/** Deletes now and every ten minutes. The function that is returned stops it and waits for the batch in progress. */
export function startRetention({
  store,
  logger,
  retentionDays,
  contextRetentionDays: contextDays,
}: RetentionDeps): () => Promise<void> {
  let isStopping = false;
  const run = async () => {
    while (!isStopping && (await deleteExpired(store, retentionDays)));
    if (contextDays === undefined) return;
    while (!isStopping && (await deleteOldContexts(store, contextDays)));
  };
  let running: Promise<void> = Promise.resolve();
  const start = () => {
    running = running.then(run).catch((err) => logger.warn({ err }, 'retention failed'));
  };
  start();
  const timer = setInterval(start, INTERVAL_MS);
  return async () => {
    isStopping = true;
    clearInterval(timer);
    await running;
  };
}
