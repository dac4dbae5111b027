/**
 * A job again and again until it has ended. A Muster holds each request until there is news; any other service of this
 * wire is asked as often as it allows.
 */
import type { Job } from './api';
import type { Connection } from './http/request';
import { type CallOptions, isFinished, readJob, type SeenJob } from './jobs';

/** Below the 30 s after which many a proxy gives up. */
const WAIT_SECONDS = 25;
/** Between two requests to a service that does not wait and does not say how long to. */
const POLL_MS = 2_000;
/** Between two requests to any service, whatever it answers. */
const LEAST_GAP_MS = 100;

/**
 * Every state that is seen, each once; the last one is final.
 * @throws MusterError; the reason of an aborted signal
 */
export async function* watchJob(
  connection: Connection,
  jobId: string,
  { signal }: CallOptions,
): AsyncGenerator<Job, void, undefined> {
  let shown = '';
  for (let seen: SeenJob | undefined; ; ) {
    const askedMs = performance.now();
    const waits = seen?.hasEtag === true;
    const since = seen?.job;
    seen = await readJob(connection, jobId, { wait: waits ? WAIT_SECONDS : undefined, since, signal });
    const tookMs = performance.now() - askedMs;
    const text = JSON.stringify(seen.job);
    if (text !== shown) yield seen.job;
    shown = text;
    if (isFinished(seen.job)) return;
    await connection.sleep(pauseMs(seen, waits && seen.job === since, tookMs), signal);
  }
}

/**
 * How long to leave the service alone after an answer.
 * @param unchanged whether it was to wait for a change and saw none
 */
function pauseMs({ hasEtag, retryAfterSeconds }: SeenJob, unchanged: boolean, tookMs: number): number {
  const cameBackEarly = unchanged && tookMs < (WAIT_SECONDS * 1000) / 2;
  if (hasEtag && !cameBackEarly) return Math.max(0, LEAST_GAP_MS - tookMs);
  return Math.max(LEAST_GAP_MS, retryAfterSeconds === undefined ? POLL_MS : retryAfterSeconds * 1000);
}
