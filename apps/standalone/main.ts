/**
 * Muster in one process: API, worker and, unless DATABASE_URL is set, the PostgreSQL that comes with it.
 * The default way to run it; nothing is different from the processes of their own but where they run.
 */
import { serveApi } from '#apps/api/serve';
import { runProcess, type Service } from '#apps/process';
import { provisionKeys, requireMigrated, whenAvailable } from '#apps/provision';
import { updateDatabase } from '#apps/update-database';
import { webhookOptions } from '#apps/worker/webhook-options';
import { startWorker, workerConnections } from '#apps/worker/worker';
import type { Logger } from '#logger';
import { openQueue } from '#queue/open-queue';
import type { Settings } from '#settings/settings';
import { API_STATEMENT_TIMEOUT_MS, openStore } from '#store/client';
import { readInstallationId } from '#store/installation';
import { type KeyFile, readOrMakeKey } from './api-key-file';
import { writeBanner } from './banner';
import { resolveDataDir } from './data-dir';
import { runDemo } from './demo';
import { startEmbeddedPostgres } from './embedded-postgres';

const API_CONNECTIONS = 10;

interface Database extends Service {
  /** As the role that serves. */
  url: string;
  /** The file of the generated key; undefined when API_KEY is set, and with an external database. */
  keyFile: KeyFile | undefined;
  place: string;
}

void runProcess('standalone', async (settings, logger, asked) => {
  const database =
    settings.databaseUrl === undefined
      ? await embedded(settings)
      : await external(settings.databaseUrl, logger, asked);
  try {
    const { keyFile } = database;
    const apiKey = settings.apiKey ?? keyFile?.key;
    const service = await serve({ ...settings, apiKey }, database.url, logger);
    const keySource = settings.apiKey === undefined ? keyFile : 'setting';
    writeBanner({ url: service.url, publicUrl: settings.publicUrl, keySource, database: database.place });
    if (process.argv.includes('--demo') && apiKey !== undefined) void runDemo(service.url, apiKey);
    return {
      async close() {
        await service.close();
        await database.close();
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
});

async function serve(
  settings: Settings,
  databaseUrl: string,
  logger: Logger,
): Promise<Service & { url: string }> {
  const {
    usersPerMinute,
    workerConcurrency: concurrency,
    redisUrl,
    retentionDays,
    contextRetentionDays,
    maxProfileBytes,
  } = settings;
  const store = openStore({
    databaseUrl,
    connections: API_CONNECTIONS,
    statementTimeoutMs: API_STATEMENT_TIMEOUT_MS,
    logger,
  });
  const workerStore = openStore({ databaseUrl, connections: workerConnections(concurrency), logger });
  const queue = openQueue({
    databaseUrl,
    redisUrl,
    installationId: await readInstallationId(store.pool),
    logger,
  });
  const disconnect = async () => {
    await queue.close();
    await Promise.all([store.close(), workerStore.close()]);
  };
  try {
    await provisionKeys(store, settings, logger);
    const listener = await serveApi({ store, queue, logger, databaseUrl, settings });
    const worker = startWorker({
      ...webhookOptions(settings),
      store: workerStore,
      queue,
      logger,
      usersPerMinute,
      concurrency,
      retentionDays,
      contextRetentionDays,
      maxProfileBytes,
    });
    return {
      url: listener.url,
      async close() {
        await Promise.all([listener.close(), worker.close()]);
        await disconnect();
      },
    };
  } catch (error) {
    await disconnect();
    throw error;
  }
}

async function embedded(settings: Settings): Promise<Database> {
  const dataDir = resolveDataDir(settings.dataDir, process.cwd());
  const postgres = await startEmbeddedPostgres({ dataDir });
  try {
    const { ownerUrl, serviceUrl } = postgres;
    await updateDatabase({ ownerUrl, serviceUrl, hasQueue: true });
    const keyFile = settings.apiKey === undefined ? readOrMakeKey(dataDir) : undefined;
    return { url: serviceUrl, keyFile, place: `embedded, in ${dataDir}`, close: () => postgres.stop() };
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}

async function external(url: string, logger: Logger, asked: AbortSignal): Promise<Database> {
  await whenAvailable(url, () => requireMigrated(url), logger, asked);
  return { url, keyFile: undefined, place: 'DATABASE_URL', close: async () => {} };
}
