/** What a process needs of the database before it can serve: an answer, its tables up to date, a key to get in with. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '#logger';
import type { Settings } from '#settings/settings';
import { ensureEnvironment, hasKeys, installSettingKey } from '#store/api-keys';
import type { Store } from '#store/client';
import { isUnavailable } from '#store/faults';
import { MigrationError, pendingMigrations } from '#store/migrate';
import { findDeletion } from '#store/open-environment';

const DEFAULT_ENVIRONMENT = 'default';

/** A database that is just being restarted is waited for so long. */
const WAIT_MS = 60_000;
const RETRY_MS = 1_000;

/** @throws MigrationError when the database is older than this version */
export async function requireMigrated(databaseUrl: string): Promise<void> {
  const pending = await pendingMigrations(databaseUrl);
  if (pending.length > 0) {
    throw new MigrationError(
      `The database is not up to date (${pending.join(', ')}): run "npm run migrate" first.`,
    );
  }
}

/**
 * Makes the environment `default` and, when there is a key in the settings, makes it that environment's key; the one that
 * the settings named before is revoked. Where processes start with different keys, the newest start wins.
 * @throws Error while that environment is being deleted; in production when there is no key at all: nobody could get in
 */
export async function provisionKeys(
  store: Store,
  settings: Pick<Settings, 'apiKey' | 'production'>,
  logger: Logger,
): Promise<void> {
  const environmentId = await ensureEnvironment(store, DEFAULT_ENVIRONMENT);
  if (settings.apiKey !== undefined) {
    if ((await findDeletion(store.pool, DEFAULT_ENVIRONMENT)) instanceof Date) {
      throw new Error(
        'The environment default is being deleted. Start a worker, and start again when environments list no longer shows it.',
      );
    }
    if (!(await installSettingKey(store, environmentId, settings.apiKey))) {
      logger.warn('the key of the settings is revoked, has expired or belongs to another environment');
    }
  } else if (settings.production && !(await hasKeys(store))) {
    throw new Error('No API key exists: set API_KEY, or make one with "npm run admin -- keys create".');
  }
}

/**
 * Asks the database, and waits for it if need be.
 * @param databaseUrl whose host is told meanwhile
 * @param asked ends the waiting
 * @throws what kept it from answering for a minute; at once what is no fault of the connection
 */
export async function whenAvailable<T>(
  databaseUrl: string,
  ask: () => Promise<T>,
  logger: Logger,
  asked: AbortSignal,
): Promise<T> {
  const endMs = performance.now() + WAIT_MS;
  for (;;) {
    try {
      return await ask();
    } catch (err) {
      if (asked.aborted || !isUnavailable(err) || performance.now() > endMs) throw err;
      logger.warn({ err, database: placeOf(databaseUrl) }, 'waiting for the database');
      await sleep(RETRY_MS, undefined, { signal: asked }).catch(() => undefined);
    }
  }
}

/** Host, port and name of a database: where it is, without who asks. */
function placeOf(databaseUrl: string): string {
  const { host, pathname } = new URL(databaseUrl);
  return `${host}${pathname}`;
}
