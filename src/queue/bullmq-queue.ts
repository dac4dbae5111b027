/**
 * The queue on BullMQ, whichever its backend. Invariants: an id for each delivery that never comes again (BullMQ drops
 * an id that it still knows without a word), no call that can wait for ever, no error event without a listener, and a
 * backend that was away, even from the start, is found again when it is back.
 */
import { randomUUID } from 'node:crypto';
import type { Job, Queue, Worker, WorkerOptions } from 'bullmq';
import type { Logger } from '#logger';
import {
  type Delivery,
  DeliveryError,
  type DeliveryHandler,
  type DeliveryQueue,
  type TellProgress,
} from './delivery-queue';
import { openUntilReady } from './open-until-ready';
import { readDelivery } from './read-delivery';
import { takeOver } from './take-over';

/** Name of the BullMQ queue. */
export const QUEUE_NAME = 'imports';

/** What deliveries are called, for whoever looks into the queue. */
const DELIVERY_NAME = 'import';

/** `Queue.add` waits without end while Redis is away. */
const ANSWER_TIMEOUT_MS = 1_000;

/**
 * A worker that was killed is noticed after at most lock + check. Deliveries are short (a slice), so the lock may be.
 * PostgreSQL owns the count of tries: BullMQ must not end a job because its worker was killed often.
 */
const WORKER_OPTIONS = {
  lockDuration: 5_000,
  stalledInterval: 2_500,
  maxStalledCount: 1_000,
} satisfies Partial<WorkerOptions>;

const TRIES = 4;
const BACKOFF_MS = 500;
/** Finished deliveries kept for whoever looks into the queue. */
const KEPT = 200;

/** What differs between the backends. */
export interface Backend {
  name: DeliveryQueue['backend'];
  createQueue(): Queue<Delivery>;
  createWorker(
    processor: (job: Job<unknown>) => Promise<void>,
    options: Partial<WorkerOptions>,
  ): Worker<Delivery>;
  ping(queue: Queue<Delivery>): Promise<unknown>;
  /** The connection is known to be lost: no use in waiting for an answer. */
  isAway(): boolean;
  /** Other installations on the same server. */
  foreignInstallations(): number;
  /** The queue of versions that had one prefix for all; undefined where there was none. */
  openOldQueue(): Queue<Delivery> | undefined;
  /** Drops the connection, which an orderly close of an unreachable backend would wait for. */
  disconnect(): void;
}

/** The delivery queue on this backend. */
export function createBullmqQueue(backend: Backend, logger: Logger): DeliveryQueue {
  const warn = (message: string) => (err: unknown) => logger.warn({ err, backend: backend.name }, message);
  const queue = openUntilReady(() => {
    const opened = backend.createQueue();
    opened.on('error', warn('queue error'));
    return opened;
  });
  const workers = new Set<{ close(): Promise<void> }>();
  const deliver: DeliveryQueue['deliver'] = async (delivery, delayMs = 0) => {
    if (backend.isAway()) throw new DeliveryError('the queue is away');
    await inTime(
      queue.ready.then((opened) =>
        opened.add(DELIVERY_NAME, delivery, {
          jobId: `${delivery.jobId}-${delivery.revision}-${randomUUID()}`,
          delay: Math.max(0, Math.round(delayMs)),
          attempts: TRIES,
          backoff: { type: 'exponential', delay: BACKOFF_MS },
          removeOnComplete: KEPT,
          removeOnFail: KEPT,
        }),
      ),
    );
  };

  return {
    backend: backend.name,
    deliver,
    work(handler, concurrency) {
      const options = { ...WORKER_OPTIONS, concurrency, autorun: false };
      const worker = openUntilReady(() => {
        const opened = backend.createWorker(processWith(handler, deliver, logger), options);
        opened.on('error', warn('queue worker error'));
        // An error may have ended BullMQ's look for deliveries whose worker was killed.
        opened.on('error', () => void opened.startStalledCheckTimer().catch(() => undefined));
        return opened;
      });
      void worker.ready.then((opened) => opened.run()).catch(warn('queue worker ended'));
      workers.add(worker);
      return {
        async close() {
          workers.delete(worker);
          await worker.close();
        },
      };
    },
    get foreignInstallations() {
      return backend.foreignInstallations();
    },
    async takeOver(findOurs) {
      const old = backend.openOldQueue();
      if (old === undefined) return 0;
      old.on('error', warn('old queue error'));
      try {
        return await takeOver(old, deliver, findOurs);
      } finally {
        await old.close();
      }
    },
    async ping() {
      await inTime(queue.ready.then((opened) => backend.ping(opened)));
    },
    async close() {
      await Promise.all([...workers].map((worker) => worker.close()));
      await Promise.race([queue.close().catch(() => undefined), timeout()]);
      backend.disconnect();
    },
  };
}

function processWith(handler: DeliveryHandler, deliver: DeliveryQueue['deliver'], logger: Logger) {
  return async (job: Job<unknown>): Promise<void> => {
    const delivery = readDelivery(job.data);
    if (delivery === undefined) {
      logger.warn('delivery ignored: it is none of ours');
      return;
    }
    let jobId = delivery.jobId;
    const exchange = async ({ jobId: otherId, revision }: Delivery) => {
      // In this order, so that whatever fails leaves a delivery too many and never one too few.
      await deliver(delivery);
      await inTime(job.updateData({ jobId: otherId, revision }));
      jobId = otherId;
    };
    try {
      const tell: TellProgress = ({ processed, total }) =>
        void job.updateProgress({ processed, total }).catch(() => undefined);
      await handler(delivery, job.stalledCounter > 0, exchange, tell);
    } catch (err) {
      logger.warn({ err, job_id: jobId }, 'delivery failed');
      // BullMQ keeps the message and the stack; those of the database may quote a user's values.
      throw new Error('delivery failed');
    }
  };
}

async function inTime<T>(answer: Promise<T>): Promise<T> {
  answer.catch(() => undefined); // an answer after the timeout is nobody's
  try {
    return await Promise.race([answer, timeout().then(() => Promise.reject(new Error('timeout')))]);
  } catch (error) {
    throw new DeliveryError('the queue did not answer in time', { cause: error });
  }
}

function timeout(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ANSWER_TIMEOUT_MS).unref());
}
