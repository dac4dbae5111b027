/** A whole Muster inside the test's process: real store, real queue, one or more APIs, a worker. */
import { randomBytes } from 'node:crypto';
import type { Express } from 'express';
import request from 'supertest';
import { createApi } from '#apps/api/app';
import { watchJobs } from '#apps/api/jobs/job-watch';
import { followKeys } from '#apps/api/limit-at-once';
import type { Listener } from '#apps/api/listen';
import { type ServeOptions, serveApi } from '#apps/api/serve';
import { webhookOptions } from '#apps/worker/webhook-options';
import { startWorker } from '#apps/worker/worker';
import type { Job } from '#client/api';
import { createLogger } from '#logger';
import type { DeliveryQueue } from '#queue/delivery-queue';
import { openQueue } from '#queue/open-queue';
import { ensureEnvironment, ensureKey, generateKey } from '#store/api-keys';
import { openStore, type Store } from '#store/client';
import { readInstallationId } from '#store/installation';
import type { SliceLimits } from '#store/move-job';
import { createDatabase, dropDatabase } from './database';
import { waitFor } from './wait';

export type Backend = 'postgresql' | 'redis';
export const BACKENDS: readonly Backend[] = ['postgresql', 'redis'];

export interface MusterOptions {
  backend?: Backend;
  /** Of a queue on Redis; default: an empty one. */
  redisUrl?: string;
  /** Default 0: unthrottled. */
  usersPerMinute?: number;
  maxRows?: number;
  maxBytes?: number;
  /** Default 0: no limit. */
  identifyPerMinute?: number;
  track?: 'reject' | 'ignore';
  /** Whether webhooks may lead to this machine. */
  allowPrivateTargets?: boolean;
  metricsToken?: string;
  /** Default 0: no proxy is trusted. */
  trustProxy?: number;
  publicUrl?: string;
  /** Default 0: no quota. */
  maxStoredBytes?: number;
  /** Default 1. */
  apis?: number;
  /** Default 1. */
  workers?: number;
  /** Time limits of a slice's statements; default those of the product. */
  sliceLimits?: SliceLimits;
}

/** A job as the API shows it, with the fields that only some tests look at. */
export interface WireJob extends Job {
  [field: string]: unknown;
}

/** A row of a job's results. */
export interface WireResult {
  row: number;
  line: number | null;
  id: string | null;
  outcome: string;
  errors: { code: string; path: string; message: string }[];
  erased?: boolean;
}

export interface Muster {
  store: Store;
  queue: DeliveryQueue;
  databaseUrl: string;
  /** What the APIs run with; with the parts above enough for serveApi. */
  settings: ServeOptions['settings'];
  /** Of the first API, and of each. */
  url: string;
  urls: string[];
  app: Express;
  /** Key of the environment `default`. */
  key: string;
  environmentId: number;
  /** Another environment with a key of its own. */
  addEnvironment(slug: string): Promise<{ environmentId: number; key: string }>;
  /** POST to a collection's bulk_identify with a key, nothing sent yet. */
  post(path?: string, key?: string): request.Test;
  get(path: string, key?: string): request.Test;
  /** Imports rows as a JSON body and waits for the end. */
  importRows(rows: unknown[], key?: string): Promise<WireJob>;
  /** Imports the text as an NDJSON file and waits for the end. */
  importNdjson(ndjson: string | Buffer, key?: string): Promise<WireJob>;
  /** Waits until the job has ended. */
  finished(jobId: string, key?: string, timeoutMs?: number): Promise<WireJob>;
  /** Results of a job, all or those that the query asks for. */
  results(jobId: string, query?: string, key?: string): Promise<WireResult[]>;
  startWorker(): { close(): Promise<void> };
  close(): Promise<void>;
}

/** Starts it on a database and a queue of its own. */
export async function startMuster(options: MusterOptions = {}): Promise<Muster> {
  const { backend = 'postgresql', usersPerMinute = 0, apis = 1, workers = 1 } = options;
  const logger = createLogger('test', process.env.TEST_LOG_LEVEL ?? 'silent');
  const databaseUrl = await createDatabase();
  const store = openStore({ databaseUrl, connections: 20, logger });
  // The database is a copy of a template.
  await store.pool.query('UPDATE installation SET id = gen_random_uuid()');
  const queue = openQueue({
    databaseUrl,
    redisUrl: backend === 'redis' ? (options.redisUrl ?? emptyRedis()) : undefined,
    installationId: await readInstallationId(store.pool),
    logger,
  });
  const environmentId = await ensureEnvironment(store, 'default');
  const key = generateKey();
  await ensureKey(store, environmentId, key);

  const settings = {
    usersPerMinute,
    maxRows: options.maxRows ?? 10_000,
    maxBytes: options.maxBytes ?? 52_428_800,
    maxStoredBytes: options.maxStoredBytes ?? 0,
    trustProxy: options.trustProxy ?? 0,
    publicUrl: options.publicUrl,
    identifyPerMinute: options.identifyPerMinute ?? 0,
    track: options.track ?? 'reject',
    metricsToken: options.metricsToken,
    allowPrivateTargets: options.allowPrivateTargets ?? false,
    host: '127.0.0.1',
    port: 0,
  };
  const jobWatch = watchJobs({ store, databaseUrl, logger });
  const longAnswers = followKeys(store, logger);
  const app = createApi({ store, queue, jobWatch, longAnswers, logger, settings });
  const listeners: Listener[] = [];
  for (let n = 0; n < apis; n++) {
    listeners.push(await serveApi({ store, queue, logger, databaseUrl, settings }));
  }
  const urls = listeners.map((listener) => listener.url);
  const url = urls[0] ?? '';
  const start = () =>
    startWorker({
      ...webhookOptions(settings),
      store,
      queue,
      logger,
      usersPerMinute,
      concurrency: 1,
      retentionDays: 30,
      sliceLimits: options.sliceLimits,
    });
  const running = Array.from({ length: workers }, start);

  const muster: Muster = {
    store,
    queue,
    databaseUrl,
    settings,
    url,
    urls,
    app,
    key,
    environmentId,
    async addEnvironment(slug) {
      const added = { environmentId: await ensureEnvironment(store, slug), key: generateKey() };
      await ensureKey(store, added.environmentId, added.key);
      return added;
    },
    post: (path = '/v1/users/bulk_identify', as = key) =>
      request(url).post(path).set('Authorization', `Token ${as}`),
    get: (path, as = key) => request(url).get(path).set('Authorization', `Token ${as}`),
    async importRows(rows, as = key) {
      const { body } = await muster.post(undefined, as).send({ users: rows }).expect(202);
      return muster.finished(body.job_id, as);
    },
    async importNdjson(ndjson, as = key) {
      const { body } = await muster
        .post(undefined, as)
        .attach('file', Buffer.from(ndjson), 'users.ndjson')
        .expect(202);
      return muster.finished(body.job_id, as);
    },
    finished: (jobId, as = key, timeoutMs = 60_000) =>
      waitFor(
        `the end of job ${jobId}`,
        async () => {
          const { body } = await muster.get(`/v1/background_jobs/${jobId}`, as).expect(200);
          return (body as WireJob).end_time !== null && (body as WireJob);
        },
        timeoutMs,
      ),
    async results(jobId, query = '', as = key) {
      const { body } = await muster
        .get(`/v1/background_jobs/${jobId}/results${query}`, as)
        .buffer()
        .parse(readText)
        .expect(200);
      const lines = (body as string).split('\n').slice(0, -1);
      return lines.map((line) => JSON.parse(line) as WireResult);
    },
    startWorker: start,
    async close() {
      await Promise.all(running.map((worker) => worker.close()));
      await Promise.all(listeners.map((listener) => listener.close()));
      longAnswers.close();
      await jobWatch.close();
      await queue.close();
      await store.close();
      await dropDatabase(databaseUrl);
    },
  };
  return muster;
}

let nextRedisDatabase = Number(process.env.JEST_WORKER_ID ?? '1') * 100;

/** A Redis database number that no other test uses. */
/** A Redis that nothing else uses. */
export function emptyRedis(): string {
  return `${process.env.TEST_REDIS_URL}/${nextRedisDatabase++}`;
}

/** Text that no other test uses. */
export function unique(): string {
  return randomBytes(6).toString('hex');
}

/** A body as text, for supertest's parse. */
export function readText(res: NodeJS.EventEmitter, done: (error: Error | null, text: string) => void): void {
  const chunks: Buffer[] = [];
  res.on('data', (chunk: Buffer | string) => chunks.push(Buffer.from(chunk)));
  res.on('end', () => done(null, Buffer.concat(chunks).toString('utf8')));
  res.on('error', (error: Error) => done(error, ''));
}
