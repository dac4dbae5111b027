/** Opens the delivery queue on the backend that the settings name: Redis when there is a REDIS_URL, else PostgreSQL. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createPostgresBackend, DEFAULT_SCHEMA, Queue, runMigrations, Worker, withBackend } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { Logger } from '#logger';
import { type Backend, createBullmqQueue, QUEUE_NAME } from './bullmq-queue';
import type { Delivery, DeliveryQueue } from './delivery-queue';
import { watchInstallations } from './installations';

export interface QueueOptions {
  /** Where BullMQ's own tables are when there is no Redis; they live in the schema `bullmq`. */
  databaseUrl: string;
  redisUrl: string | undefined;
  /** Of the database: two installations may use one Redis, and their queues are apart. */
  installationId: string;
  logger: Logger;
}

/** Where BullMQ's own tables are. */
export const QUEUE_SCHEMA = DEFAULT_SCHEMA;

/** Connections of a process for each of queue and worker, besides one that listens. */
const POSTGRES_CONNECTIONS = 3;
const CONNECT_TIMEOUT_MS = 3_000;
/** A connection that is dead without a word is given up when a query or command has had no answer for so long. */
const POSTGRES_ANSWER_TIMEOUT_MS = 10_000;
/** Longer than BullMQ lets a command wait for work (10 s). */
const REDIS_ANSWER_TIMEOUT_MS = 15_000;
const KEEP_ALIVE_MS = 10_000;
/** Before a worker asks again that could not ask for work; BullMQ itself would ask again at once. */
const FETCH_RETRY_MS = 500;

/**
 * Opens the queue. On PostgreSQL, migrateQueue must have run once. The serving role makes no tables and sequences, not even
 * temporary ones, as BullMQ does for addBulk, flows and jobs without an id of their own: none of these is for us.
 */
export function openQueue(options: QueueOptions): DeliveryQueue {
  const backend =
    options.redisUrl === undefined
      ? postgresBackend(options.databaseUrl)
      : redisBackend(options.redisUrl, options);
  return createBullmqQueue(backend, options.logger);
}

/** Makes or updates BullMQ's own tables. Several processes may call this at once. */
export async function migrateQueue(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'muster-migrate' });
  await client.connect();
  try {
    await runMigrations(client);
  } finally {
    await client.end();
  }
}

/**
 * A connection that is lost reports that as an event too, which ends the process where nobody listens; BullMQ does not
 * while it connects. The query that fails says the same.
 */
class GuardedClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    this.on('error', () => {});
  }
}

function postgresBackend(databaseUrl: string): Backend {
  const bullmq = withBackend(createPostgresBackend);
  class PatientWorker extends bullmq.Worker<Delivery> {
    protected override async moveToActive(token: string, name?: string) {
      try {
        return await super.moveToActive(token, name);
      } catch (error) {
        await sleep(FETCH_RETRY_MS);
        throw error;
      }
    }
  }
  const connection = {
    Client: GuardedClient,
    connectionString: databaseUrl,
    max: POSTGRES_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: POSTGRES_ANSWER_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    application_name: 'muster-queue',
  };
  // The classes bound to a backend are the same classes with other type parameters.
  return {
    name: 'postgresql',
    createQueue: () => new bullmq.Queue(QUEUE_NAME, { connection }) as unknown as Queue<Delivery>,
    createWorker: (processor, options) =>
      new PatientWorker(
        QUEUE_NAME,
        processor as never,
        { ...options, connection } as never,
      ) as unknown as Worker<Delivery>,
    ping: (queue) => queue.count(),
    isAway: () => false,
    // What is in the database is of this installation.
    foreignInstallations: () => 0,
    openOldQueue: () => undefined,
    disconnect: () => {},
  };
}

/**
 * What the keys of an installation's queue begin with on Redis. The braces keep all of them on one node of a Redis
 * Cluster (BullMQ's documentation, "Redis Cluster").
 */
export function queuePrefix(installationId: string): string {
  return `muster:{${installationId}}`;
}

function redisBackend(
  redisUrl: string,
  { installationId, logger }: Pick<QueueOptions, 'installationId' | 'logger'>,
): Backend {
  const connection = new Redis(redisUrl, {
    maxRetriesPerRequest: null,
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: REDIS_ANSWER_TIMEOUT_MS,
    keepAlive: KEEP_ALIVE_MS,
  });
  connection.on('error', (err) => logger.warn({ err, backend: 'redis' }, 'redis connection error'));
  const installations = watchInstallations(connection, installationId, logger);
  const prefix = queuePrefix(installationId);
  return {
    name: 'redis',
    createQueue: () => new Queue<Delivery>(QUEUE_NAME, { connection, prefix }),
    createWorker: (processor, options) =>
      new Worker<Delivery>(QUEUE_NAME, processor, { ...options, connection, prefix }),
    ping: () => connection.ping(),
    isAway: () => ['close', 'reconnecting', 'end'].includes(connection.status),
    foreignInstallations: () => installations.foreign,
    openOldQueue: () => new Queue<Delivery>(QUEUE_NAME, { connection }),
    disconnect() {
      installations.stop();
      connection.disconnect();
    },
  };
}
