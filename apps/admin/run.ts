/** Runs one command of environments and keys on the external database or the embedded one, whether the service runs or not. */
import { replaceKeyFile } from '#apps/standalone/api-key-file';
import { resolveDataDir } from '#apps/standalone/data-dir';
import { startEmbeddedPostgres } from '#apps/standalone/embedded-postgres';
import { updateDatabase } from '#apps/update-database';
import { createLogger } from '#logger';
import { readSettings, type Settings } from '#settings/settings';
import { openStore, type Store } from '#store/client';
import { COMMANDS } from './commands';
import { UsageError } from './usage-error';

/**
 * @param words such as `keys create --environment staging`
 * @returns the text for standard output
 * @throws UsageError when there is no such command; Error with a sentence when it cannot be done
 */
export async function runAdmin(words: string[]): Promise<string> {
  const command = COMMANDS[words.slice(0, 2).join(' ')];
  if (command === undefined) throw new UsageError(`Unknown command: ${words.slice(0, 2).join(' ')}.`);
  const settings = readSettings();
  return withStore(settings, (store) =>
    command(store, words.slice(2), settings, ({ key, replaces }) => {
      // The file that the embedded default starts with and tells people to read must not hold a key that ends.
      if (settings.databaseUrl === undefined) {
        replaceKeyFile(resolveDataDir(settings.dataDir, process.cwd()), key, replaces);
      }
    }),
  );
}

async function withStore<T>(settings: Settings, work: (store: Store) => Promise<T>): Promise<T> {
  const postgres =
    settings.databaseUrl === undefined
      ? await startEmbeddedPostgres({
          dataDir: resolveDataDir(settings.dataDir, process.cwd()),
          leaveAdoptedRunning: true,
        })
      : undefined;
  const databaseUrl = settings.databaseUrl ?? postgres?.serviceUrl ?? '';
  try {
    if (postgres !== undefined) await updateDatabase({ ...postgres, hasQueue: true });
    const store = openStore({ databaseUrl, connections: 2, logger: createLogger('admin', 'silent') });
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  } finally {
    await postgres?.stop();
  }
}
