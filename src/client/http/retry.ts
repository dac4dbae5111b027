/** When a request is sent again, and after how long. */
// By its path, so that bundlers need no settings of their own to read this client.
import { OUTLAST_CLAIM_MS } from '../../job/claim-lease';
import { isMusterError, type MusterError } from '../errors';

/** Waits; rejects at once with the signal's reason when that is aborted. */
export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>;

const FIRST_WAIT_MS = 250;
/** No wait between two tries is longer, unless the service asks for one. */
const MAX_WAIT_MS = 60_000;
/** Gateways' and overload's, where the same request may succeed a little later. */
const TRANSIENT_STATUSES: readonly number[] = [429, 502, 503, 504];

/** Timers count in 31 bits: a longer one would end at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The default for Sleep. */
export const sleep: Sleep = (ms, signal) =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(
      () => {
        signal?.removeEventListener('abort', stop);
        resolve();
      },
      Math.min(ms, MAX_TIMER_MS),
    );
    signal?.addEventListener('abort', stop, { once: true });
  });

/** Whether the same request may succeed later. */
export function isTransient(thrown: unknown): thrown is MusterError {
  return (
    isMusterError(thrown) &&
    (thrown.is('unreachable', 'idempotency_key_in_flight') || TRANSIENT_STATUSES.includes(thrown.status))
  );
}

/**
 * Milliseconds to wait before the next try: what Retry-After says, else twice as long each time, give or take.
 * @param tries how many have failed before this one
 * @param patienceSeconds longest Retry-After that is waited for
 * @returns undefined when the service asks for more patience than there is
 */
export function retryWaitMs(
  { retryAfterSeconds }: MusterError,
  tries: number,
  patienceSeconds: number,
): number | undefined {
  if (retryAfterSeconds === undefined) return backoffMs(FIRST_WAIT_MS, tries, MAX_WAIT_MS);
  return retryAfterSeconds <= patienceSeconds ? retryAfterSeconds * 1000 : undefined;
}

/**
 * Whether waiting so long once more is part of waiting for another request's claim of the Idempotency-Key to end, and so
 * no retry: a process that died within its request holds the key until the claim's lease is over.
 * @param waitedMs for this claim so far
 */
export function outlastsClaim(thrown: MusterError, waitedMs: number): boolean {
  return thrown.is('idempotency_key_in_flight') && waitedMs < OUTLAST_CLAIM_MS;
}

/** While a service is away it is asked this often whether it is back, when the wait is longer than MAX_BLIND_WAIT_MS. */
export const PROBE_MS = 2_000;
const MAX_BLIND_WAIT_MS = 4_000;

/** Whether to end the wait as soon as the service answers again: there was no answer, or that of a gateway before it. */
export function isWorthProbing(thrown: MusterError, waitMs: number): boolean {
  const isAway = thrown.is('unreachable') || [502, 503, 504].includes(thrown.status);
  return isAway && thrown.retryAfterSeconds === undefined && waitMs > MAX_BLIND_WAIT_MS;
}

/** Doubles from `firstMs` up to `mostMs`; between half of that and all of it, so that clients do not come in step. */
export function backoffMs(firstMs: number, tries: number, mostMs: number): number {
  return Math.min(firstMs * 2 ** tries, mostMs) * (0.5 + Math.random() / 2);
}
