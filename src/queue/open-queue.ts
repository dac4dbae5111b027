/** Opens the delivery queue on the backend that the settings name: Redis when there is a REDIS_URL, else PostgreSQL. */
import { createPostgresBackend, Queue, runMigrations, Worker, withBackend } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { Logger } from '#logger';
import { type Backend, createBullmqQueue, QUEUE_NAME } from './bullmq-queue';
import type { Delivery, DeliveryQueue } from './delivery-queue';

export interface QueueOptions {
  /** Where BullMQ's own tables are when there is no Redis; they live in the schema `bullmq`. */
  databaseUrl: string;
  redisUrl: string | undefined;
  logger: Logger;
}

/** Connections of a process for each of queue and worker, besides one that listens. */
const POSTGRES_CONNECTIONS = 3;
const CONNECT_TIMEOUT_MS = 3_000;

/** Opens the queue. On PostgreSQL, migrateQueue must have run once. */
export function openQueue(options: QueueOptions): DeliveryQueue {
  const backend =
    options.redisUrl === undefined
      ? postgresBackend(options.databaseUrl)
      : redisBackend(options.redisUrl, options.logger);
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

function postgresBackend(databaseUrl: string): Backend {
  const bullmq = withBackend(createPostgresBackend);
  const connection = {
    connectionString: databaseUrl,
    max: POSTGRES_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: 'muster-queue',
  };
  // The classes bound to a backend are the same classes with other type parameters.
  const queue = new bullmq.Queue(QUEUE_NAME, { connection }) as unknown as Queue<Delivery>;
  return {
    name: 'postgresql',
    queue,
    createWorker: (processor, options) =>
      new bullmq.Worker<Delivery>(
        QUEUE_NAME,
        processor as never,
        {
          ...options,
          connection,
        } as never,
      ) as unknown as Worker<Delivery>,
    ping: () => queue.count(),
    close: () => queue.close(),
    disconnect: () => {},
  };
}

function redisBackend(redisUrl: string, logger: Logger): Backend {
  const connection = new Redis(redisUrl, { maxRetriesPerRequest: null });
  connection.on('error', (err) => logger.warn({ err, backend: 'redis' }, 'redis connection error'));
  const queue = new Queue<Delivery>(QUEUE_NAME, { connection });
  return {
    name: 'redis',
    queue,
    createWorker: (processor, options) =>
      new Worker<Delivery>(QUEUE_NAME, processor, { ...options, connection }),
    ping: () => connection.ping(),
    close: () => queue.close(),
    disconnect: () => connection.disconnect(),
  };
}
