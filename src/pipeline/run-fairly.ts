/**
 * Shares the workers among environments. A delivery wakes a worker up, and usually it works on the job that was delivered;
 * but when an environment that had less of the workers' time has a job due, that one is worked on first and the delivered
 * one goes to the end of the queue. So an import that wants little, because it is throttled, waits for no more than the
 * delivery in work, however many jobs of others are in the queue before it.
 */
import type { Logger } from '#logger';
import type { Delivery, Exchange } from '#queue/delivery-queue';
import type { Store } from '#store/client';
import {
  type Admission,
  abandonWork,
  admitWork,
  beginWork,
  endWork,
  findEarlierWork,
  type Work,
} from '#store/worker-shares';
import { type Delivered, type ImportDeps, runImport } from './run-import';

/**
 * A throttled import is promised its rate, an unthrottled one what is left: so of what the first one costs only one part in
 * so many counts.
 */
const PACED_WEIGHT = 4;

type Chosen = { kind: 'nothing' } | { kind: 'work'; delivery: Delivery; work: Work | undefined };

/**
 * Works on this delivery, or on one that comes before it.
 * @param wasInterrupted then it is worked on itself: what ended its worker must be found out, not put off
 * @throws what runImport throws
 */
export async function runFairly(
  delivery: Delivery,
  deps: ImportDeps,
  wasInterrupted: boolean,
  exchange: Exchange,
): Promise<void> {
  const chosen = await chooseWork(delivery, deps, wasInterrupted, exchange);
  if (chosen.kind === 'nothing') return;
  const startedMs = performance.now();
  let done: Delivered = 'worked';
  try {
    done = await runImport(chosen.delivery, deps, wasInterrupted);
  } finally {
    // Where there was nothing to do another worker may be at the job: its mark is not ours.
    if (chosen.work !== undefined && done !== 'nothing') {
      const costMs = performance.now() - startedMs;
      const countedMs = done === 'paced' ? costMs / PACED_WEIGHT : costMs;
      await endWork(deps.store.pool, chosen.work, costMs, countedMs).catch((err) =>
        deps.logger.warn({ err }, 'share of the workers not noted'),
      );
    }
  }
}

/**
 * What to work on. Never throws: whatever goes wrong here, the delivery is worked on.
 * @returns nothing when the delivery is out of date
 */
export async function chooseWork(
  delivery: Delivery,
  { store, logger }: { store: Pick<Store, 'pool'>; logger: Logger },
  wasInterrupted: boolean,
  exchange: Exchange,
): Promise<Chosen> {
  try {
    const own = await admitWork(store.pool, delivery.jobId, delivery.revision);
    if (own === undefined) return { kind: 'nothing' };
    if (own.begun) return { kind: 'work', delivery, work: own };
    const earlier = wasInterrupted ? undefined : await exchangeForEarlier(own, store, exchange);
    if (earlier !== undefined) return earlier;
    await beginWork(store.pool, own);
    return { kind: 'work', delivery, work: own };
  } catch (err) {
    logger.warn({ err, job_id: delivery.jobId }, 'work not chosen by shares');
    return { kind: 'work', delivery, work: undefined };
  }
}

/** @throws DeliveryError */
async function exchangeForEarlier(
  own: Admission,
  { pool }: Pick<Store, 'pool'>,
  exchange: Exchange,
): Promise<Chosen | undefined> {
  const other = await findEarlierWork(pool, own.finishMs);
  if (other === undefined || !(await beginWork(pool, other))) return undefined;
  const delivery = { jobId: other.jobId, revision: other.revision };
  try {
    await exchange(delivery);
    return { kind: 'work', delivery, work: other };
  } catch (error) {
    await abandonWork(pool, other);
    throw error;
  }
}
