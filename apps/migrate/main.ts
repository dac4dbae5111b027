/**
 * Brings an external database up to date as its owner: our tables, BullMQ's when the queue is in PostgreSQL, and, where
 * MIGRATE_DATABASE_URL and DATABASE_URL name two roles, what the one that serves may do.
 */
import { updateDatabase } from '#apps/update-database';
import { readSettings, requireDatabaseUrl } from '#settings/settings';

async function main(): Promise<void> {
  const settings = readSettings();
  const serviceUrl = requireDatabaseUrl(settings);
  const { migrateDatabaseUrl: ownerUrl = serviceUrl, redisUrl } = settings;
  const applied = await updateDatabase({ ownerUrl, serviceUrl, hasQueue: redisUrl === undefined });
  process.stdout.write(applied.length === 0 ? 'Nothing to migrate.\n' : `Applied: ${applied.join(', ')}.\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
