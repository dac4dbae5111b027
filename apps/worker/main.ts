/** The worker as a process of its own, on an external PostgreSQL. Any number may run side by side. */
import { runProcess } from '#apps/process';
import { requireMigrated, whenAvailable } from '#apps/provision';
import { serveMetrics } from '#apps/worker/serve-metrics';
import { webhookOptions } from '#apps/worker/webhook-options';
import { startWorker, workerConnections } from '#apps/worker/worker';
import { openQueue } from '#queue/open-queue';
import { requireDatabaseUrl } from '#settings/settings';
import { openStore } from '#store/client';
import { readInstallationId } from '#store/installation';

void runProcess('worker', async (settings, logger, asked) => {
  const databaseUrl = requireDatabaseUrl(settings);
  await whenAvailable(databaseUrl, () => requireMigrated(databaseUrl), logger, asked);
  const {
    workerConcurrency: concurrency,
    usersPerMinute,
    redisUrl,
    retentionDays,
    contextRetentionDays,
    maxProfileBytes,
  } = settings;
  const store = openStore({ databaseUrl, connections: workerConnections(concurrency), logger });
  const installationId = await whenAvailable(
    databaseUrl,
    () => readInstallationId(store.pool),
    logger,
    asked,
  );
  const queue = openQueue({ databaseUrl, redisUrl, installationId, logger });
  const worker = startWorker({
    ...webhookOptions(settings),
    store,
    queue,
    logger,
    usersPerMinute,
    concurrency,
    retentionDays,
    contextRetentionDays,
    maxProfileBytes,
  });
  const { metricsPort, metricsToken: token, host } = settings;
  const metrics =
    metricsPort === undefined ? undefined : await serveMetrics({ store, host, port: metricsPort, token });
  logger.info(
    {
      metrics_port: metrics?.port,
      concurrency,
      users_per_minute: usersPerMinute,
      queue_backend: queue.backend,
    },
    'working',
  );
  return {
    async close() {
      await metrics?.close();
      await worker.close();
      await queue.close();
      await store.close();
    },
  };
});
