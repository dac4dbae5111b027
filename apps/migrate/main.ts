/** Brings an external database up to date: our tables, and BullMQ's when the queue is in PostgreSQL. */
import { migrateQueue } from '#queue/open-queue';
import { readSettings, requireDatabaseUrl } from '#settings/settings';
import { migrate } from '#store/migrate';

async function main(): Promise<void> {
  const settings = readSettings();
  const databaseUrl = requireDatabaseUrl(settings);
  const applied = await migrate(databaseUrl);
  if (settings.redisUrl === undefined) await migrateQueue(databaseUrl);
  process.stdout.write(applied.length === 0 ? 'Nothing to migrate.\n' : `Applied: ${applied.join(', ')}.\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
