/**
 * `npm run admin`: environments and keys, on the external database or on the embedded one, whether the service runs at
 * this moment or not. A new key is printed once, alone on standard output.
 */
import { resolveDataDir } from '#apps/standalone/data-dir';
import { startEmbeddedPostgres } from '#apps/standalone/embedded-postgres';
import { createLogger } from '#logger';
import { readSettings, type Settings } from '#settings/settings';
import { openStore, type Store } from '#store/client';
import { migrate } from '#store/migrate';
import { COMMANDS, HELP, UsageError } from './commands';

async function main(words: string[]): Promise<void> {
  if (words.length === 0 || words.includes('--help') || words.includes('-h')) {
    process.stdout.write(HELP);
    return;
  }
  const command = COMMANDS[words.slice(0, 2).join(' ')];
  if (command === undefined) throw new UsageError(`Unknown command: ${words.slice(0, 2).join(' ')}.`);
  await withStore(readSettings(), async (store) => {
    process.stdout.write(await command(store, words.slice(2)));
  });
}

async function withStore(settings: Settings, work: (store: Store) => Promise<void>): Promise<void> {
  const postgres =
    settings.databaseUrl === undefined
      ? await startEmbeddedPostgres({
          dataDir: resolveDataDir(settings.dataDir, process.cwd()),
          leaveAdoptedRunning: true,
        })
      : undefined;
  const databaseUrl = settings.databaseUrl ?? postgres?.url ?? '';
  try {
    if (postgres !== undefined) await migrate(databaseUrl);
    const store = openStore({ databaseUrl, connections: 2, logger: createLogger('admin', 'silent') });
    try {
      await work(store);
    } finally {
      await store.close();
    }
  } finally {
    await postgres?.stop();
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof UsageError) process.stderr.write(`\n${HELP}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
});
