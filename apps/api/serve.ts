/** The API with all that it holds open: it listens, follows jobs, and closes in order. */
import type { Logger } from '#logger';
import type { DeliveryQueue } from '#queue/delivery-queue';
import type { Settings } from '#settings/settings';
import type { Store } from '#store/client';
import { holdProcessLock } from '#store/process-lock';
import { createApi } from './app';
import type { ApiDeps } from './context';
import { watchJobs } from './jobs/job-watch';
import { followKeys } from './limit-at-once';
import { type Listener, listen, type TimeLimits } from './listen';

export interface ServeOptions {
  store: Store;
  queue: DeliveryQueue;
  logger: Logger;
  /** Where the changes of jobs are listened for: the store's database. */
  databaseUrl: string;
  settings: Pick<Settings, 'host' | 'port'> & ApiDeps['settings'];
  /** How long slow clients may take, when not as long as usual. */
  limits?: TimeLimits;
}

/** Starts it. `close` answers who waits at once and who is served in full. @throws Error when the address cannot be had */
export async function serveApi(options: ServeOptions): Promise<Listener> {
  const { settings, limits, logger } = options;
  const jobWatch = watchJobs(options);
  const processLock = holdProcessLock(options);
  const longAnswers = followKeys(options.store, options.logger);
  try {
    const app = createApi({ ...options, jobWatch, longAnswers, processLock });
    const { host, port, maxBytes } = settings;
    const { url, close } = await listen(app, { host, port, maxBytes, logger, limits });
    return {
      url,
      async close() {
        longAnswers.close();
        await Promise.all([jobWatch.close(), close()]);
        await processLock.close();
      },
    };
  } catch (error) {
    longAnswers.close();
    await Promise.all([jobWatch.close(), processLock.close()]);
    throw error;
  }
}
