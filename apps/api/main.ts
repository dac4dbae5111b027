/** The API as a process of its own, on an external PostgreSQL. Any number may run side by side. */
import { serveApi } from '#apps/api/serve';
import { runProcess } from '#apps/process';
import { provisionKeys, requireMigrated, whenAvailable } from '#apps/provision';
import { openQueue } from '#queue/open-queue';
import { requireDatabaseUrl } from '#settings/settings';
import { API_STATEMENT_TIMEOUT_MS, openStore } from '#store/client';
import { readInstallationId } from '#store/installation';

const CONNECTIONS = 10;

void runProcess('api', async (settings, logger, asked) => {
  const databaseUrl = requireDatabaseUrl(settings);
  await whenAvailable(databaseUrl, () => requireMigrated(databaseUrl), logger, asked);
  const store = openStore({
    databaseUrl,
    connections: CONNECTIONS,
    statementTimeoutMs: API_STATEMENT_TIMEOUT_MS,
    logger,
  });
  await whenAvailable(databaseUrl, () => provisionKeys(store, settings, logger), logger, asked);
  const queue = openQueue({
    databaseUrl,
    redisUrl: settings.redisUrl,
    installationId: await readInstallationId(store.pool),
    logger,
  });
  const listener = await serveApi({ store, queue, logger, databaseUrl, settings });
  logger.info({ url: listener.url }, 'listening');
  return {
    async close() {
      await listener.close();
      await queue.close();
      await store.close();
    },
  };
});
