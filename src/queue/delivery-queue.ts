/**
 * The contract of the queue, which has two implementations: BullMQ on PostgreSQL and BullMQ on Redis. Both pass
 * tests/conformance/queue.test.ts.
 * The queue only delivers: a delivery says which job to work on and for which revision it was made. It may be lost or
 * come twice; neither does harm, because the job in PostgreSQL is the truth and the rescue delivers again.
 */

/** What goes through the queue. Never any data of a user. */
export interface Delivery {
  jobId: string;
  /** The job's revision that this delivery is for; a job that is further on ignores it. */
  revision: number;
}

/**
 * Makes the delivery that is in work one of another job, and sends its own job to the end of the queue: from now on a
 * failure or a death of the worker counts for the other job.
 * @throws DeliveryError when the queue did not do it in time: work on the own job then. It may come twice
 */
export type Exchange = (other: Delivery) => Promise<void>;

/** How far the job of a delivery is, for whoever looks into the queue. */
export interface DeliveryProgress {
  processed: number;
  total: number;
}

/** Says it, some time; it may be lost. */
export type TellProgress = (progress: DeliveryProgress) => void;

/**
 * Works on one delivery; an error makes the queue try it again a few times.
 * @param wasInterrupted an earlier try ended without a word, as when its worker was killed
 */
export type DeliveryHandler = (
  delivery: Delivery,
  wasInterrupted: boolean,
  exchange: Exchange,
  tell: TellProgress,
) => Promise<void>;

export interface DeliveryWorker {
  /** Takes no further delivery and waits for those in work. */
  close(): Promise<void>;
}

export interface DeliveryQueue {
  readonly backend: 'postgresql' | 'redis';
  /**
   * Hands over a delivery, to be worked on after delayMs.
   * @throws DeliveryError when the queue did not take it in time; it may arrive all the same, later
   */
  deliver(delivery: Delivery, delayMs?: number): Promise<void>;
  /** Starts working on deliveries, at most `concurrency` at a time. */
  work(handler: DeliveryHandler, concurrency: number): DeliveryWorker;
  /** Other installations that use the same server, as far as is known; their queues are apart. */
  readonly foreignInstallations: number;
  /**
   * Takes over what a version without a prefix of its own has left for jobs of this installation.
   * @param findOurs which of these jobs are this installation's and not ended
   * @returns how many deliveries
   * @throws DeliveryError when the queue does not answer in time
   */
  takeOver(findOurs: (jobIds: readonly string[]) => Promise<ReadonlySet<string>>): Promise<number>;
  /** Resolves when the queue answers. @throws DeliveryError */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** The queue cannot be reached at the moment. */
export class DeliveryError extends Error {}
