/** What a process needs of the database before it can serve: its tables up to date, and a key to get in with. */
import type { Settings } from '#settings/settings';
import { ensureEnvironment, ensureKey, hasKeys } from '#store/api-keys';
import type { Store } from '#store/client';
import { MigrationError, pendingMigrations } from '#store/migrate';

const DEFAULT_ENVIRONMENT = 'default';

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
 * Makes the environment `default` and stores its key, when there is one in the settings.
 * @throws Error in production when there is no key at all: nobody could get in
 */
export async function provisionKeys(
  store: Store,
  settings: Pick<Settings, 'apiKey' | 'production'>,
): Promise<void> {
  const environmentId = await ensureEnvironment(store, DEFAULT_ENVIRONMENT);
  if (settings.apiKey !== undefined) await ensureKey(store, environmentId, settings.apiKey);
  else if (settings.production && !(await hasKeys(store))) {
    throw new Error('No API key exists: set API_KEY, or make one with "npm run admin -- keys create".');
  }
}
