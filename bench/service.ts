/**
 * The whole service as a user would run it: an embedded PostgreSQL with fsync on, the API and a worker as processes of
 * their own, Redis when asked for. Everything is in a temporary folder and gone afterwards.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startEmbeddedPostgres } from '#apps/standalone/embedded-postgres';
import { createLogger } from '#logger';
import { migrateQueue } from '#queue/open-queue';
import { ensureEnvironment, ensureKey, generateKey } from '#store/api-keys';
import { openStore, type Queryable } from '#store/client';
import { migrate } from '#store/migrate';
import { startProduct } from './child-process';
import { startRedis } from './redis-server';

export type Backend = 'postgresql' | 'redis';

export interface ServiceOptions {
  backend: Backend;
  /** As the setting of this name. Undefined: the setting is left out and the product's default holds. */
  usersPerMinute?: number;
  /** Default true. Without one, imports are taken in and stay queued. */
  worker?: boolean;
  /** Settings of the PostgreSQL server beside the product's own. */
  postgresSettings?: Record<string, string>;
  cpuProfile: string | undefined;
}

export interface Service {
  url: string;
  apiPid: number;
  /** Looks into the database from outside. */
  database: Queryable;
  /** Makes an empty environment. Returns its key. */
  addEnvironment(): Promise<string>;
  /** Stops all processes and removes every file. Repeatable. */
  stop(): Promise<void>;
}

const services = new Set<Promise<Service>>();
let environments = 0;

/** Starts it and waits until it is ready. @throws Error with a sentence when a part does not start */
export function startService(options: ServiceOptions): Promise<Service> {
  const starting = start(options);
  services.add(starting);
  return starting;
}

/** For Ctrl-C: stops what runs, and what is just starting. */
export async function stopAllServices(): Promise<void> {
  const started = await Promise.allSettled(services);
  await Promise.all(started.map((service) => service.status === 'fulfilled' && service.value.stop()));
}

async function start(options: ServiceOptions): Promise<Service> {
  const undo: (() => unknown)[] = [];
  const undoAll = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    return await startParts(options, undo, undoAll);
  } catch (error) {
    await undoAll();
    throw error;
  }
}

async function startParts(
  options: ServiceOptions,
  undo: (() => unknown)[],
  undoAll: () => Promise<void>,
): Promise<Service> {
  const folder = mkdtempSync(path.join(tmpdir(), 'muster-bench-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  const postgres = await startEmbeddedPostgres({ dataDir: folder, settings: options.postgresSettings ?? {} });
  undo.push(() => postgres.stop());
  const databaseUrl = postgres.url;
  await migrate(databaseUrl);
  await migrateQueue(databaseUrl);
  const store = openStore({ databaseUrl, connections: 2, logger: createLogger('bench', 'silent') });
  undo.push(() => store.close());

  const settings: Record<string, string> = { DATABASE_URL: databaseUrl, PORT: '0', API_KEY: generateKey() };
  if (options.usersPerMinute !== undefined) settings.USERS_PER_MINUTE = String(options.usersPerMinute);
  if (options.backend === 'redis') {
    const redis = await startRedis(folder);
    undo.push(() => redis.stop());
    settings.REDIS_URL = redis.url;
  }
  const api = await startProduct('api', 'listening', settings, options.cpuProfile);
  undo.push(() => api.stop());
  if (options.worker !== false) {
    const worker = await startProduct('worker', 'working', settings, options.cpuProfile);
    undo.push(() => worker.stop());
  }

  let stopping: Promise<void> | undefined;
  return {
    url: String(api.ready.url),
    apiPid: api.pid,
    database: store.pool,
    async addEnvironment() {
      environments++;
      const key = generateKey();
      await ensureKey(store, await ensureEnvironment(store, `bench-${environments}`), key);
      return key;
    },
    stop() {
      stopping ??= undoAll();
      return stopping;
    },
  };
}
