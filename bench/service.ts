/**
 * The whole service as a user would run it: an embedded PostgreSQL with fsync on, migrated by the product's own process,
 * APIs and workers as processes of their own, Redis when asked for. Everything is in a temporary folder and gone
 * afterwards.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startEmbeddedPostgres } from '#apps/standalone/embedded-postgres';
import { createLogger } from '#logger';
import { ensureEnvironment, ensureKey, generateKey } from '#store/api-keys';
import { openStore, type Queryable } from '#store/client';
import { type ProductProcess, runProduct, startProduct, type Trouble } from './child-process';
import { startRedis } from './redis-server';

export type Backend = 'postgresql' | 'redis';

export interface ServiceOptions {
  backend: Backend;
  /** As the setting of this name. Undefined: the setting is left out and the product's default holds. */
  usersPerMinute?: number;
  /** Default 1. */
  apis?: number;
  /** Default 1. With 0 imports are taken in and stay queued. */
  workers?: number;
  /** Settings of the PostgreSQL server beside the product's own. */
  postgresSettings?: Record<string, string>;
  /** Settings of the Redis server. Default: nothing is kept on disk. */
  redisSettings?: Record<string, string>;
  /** Settings of APIs and workers beside those above, such as MAX_ROWS. */
  settings?: Record<string, string>;
  /** Is given every line that an API or a worker logs. */
  onLogLine?: (line: string) => void;
  cpuProfile: string | undefined;
}

export interface Service {
  /** Of the first API. */
  url: string;
  apiPid: number;
  /** Of each API. */
  urls: readonly string[];
  /** Looks into the database from outside, as its owner. */
  database: Queryable;
  /** Makes an empty environment. Returns its key. Slug and key are new ones unless they are given. */
  addEnvironment(slug?: string, key?: string): Promise<string>;
  /** What the APIs and workers have complained of so far; after stop also whether each closed in order. */
  troubles(): Trouble[];
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
  const { ownerUrl: databaseUrl, settings } = await startServers(options, undo);
  await runProduct('migrate', { ...settings, MIGRATE_DATABASE_URL: databaseUrl });
  const store = openStore({ databaseUrl, connections: 2, logger: createLogger('bench', 'silent') });
  undo.push(() => store.close());
  const { apis, workers } = await startProcesses(options, settings, undo);
  const urls = apis.map(({ ready }) => String(ready.url));

  let stopping: Promise<void> | undefined;
  return {
    url: urls[0] ?? '',
    apiPid: apis[0]?.pid ?? 0,
    urls,
    database: store.pool,
    async addEnvironment(slug = `bench-${++environments}`, key = generateKey()) {
      await ensureKey(store, await ensureEnvironment(store, slug), key);
      return key;
    },
    troubles: () => [...apis, ...workers].flatMap(({ troubles }) => troubles),
    stop() {
      stopping ??= undoAll();
      return stopping;
    },
  };
}

/** PostgreSQL and, when asked for, Redis. Returns the settings of the product's processes, which serve as their role. */
async function startServers(
  options: ServiceOptions,
  undo: (() => unknown)[],
): Promise<{ ownerUrl: string; settings: Record<string, string> }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'muster-bench-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  const postgres = await startEmbeddedPostgres({ dataDir: folder, settings: options.postgresSettings ?? {} });
  undo.push(() => postgres.stop());
  const settings: Record<string, string> = {
    ...options.settings,
    DATABASE_URL: postgres.serviceUrl,
    PORT: '0',
    API_KEY: generateKey(),
  };
  if (options.usersPerMinute !== undefined) settings.USERS_PER_MINUTE = String(options.usersPerMinute);
  if (options.backend === 'redis') {
    const redis = await startRedis(folder, options.redisSettings);
    undo.push(() => redis.stop());
    settings.REDIS_URL = redis.url;
  }
  return { ownerUrl: postgres.ownerUrl, settings };
}

/** All at once, as on a machine that has just started; they are stopped all at once too. */
async function startProcesses(
  options: ServiceOptions,
  settings: Record<string, string>,
  undo: (() => unknown)[],
): Promise<Record<'apis' | 'workers', ProductProcess[]>> {
  const { apis = 1, workers = 1, cpuProfile, onLogLine } = options;
  const start = (name: 'api' | 'worker', readyMessage: string, count: number) =>
    Array.from({ length: count }, (_, index) =>
      startProduct({ name, number: index + 1, readyMessage, settings, cpuProfile, onLogLine }),
    );
  const starting = { apis: start('api', 'listening', apis), workers: start('worker', 'working', workers) };
  const all = [...starting.apis, ...starting.workers];
  undo.push(async () => {
    const started = await Promise.allSettled(all);
    await Promise.all(started.map((one) => one.status === 'fulfilled' && one.value.stop()));
  });
  const [startedApis, startedWorkers] = await Promise.all([
    Promise.all(starting.apis),
    Promise.all(starting.workers),
  ]);
  return { apis: startedApis, workers: startedWorkers };
}
