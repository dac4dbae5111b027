/** Sends what webhooks are to be told. PostgreSQL knows what is due; any number of workers take from it side by side. */
import type { Job } from '#job/job';
import type { Logger } from '#logger';
import type { Store } from '#store/client';
import { readJob } from '#store/jobs';
import { claimDueDeliveries, type DueDelivery, endDelivered, noteFailure } from '#store/webhook-deliveries';
import { nextWaitMs } from '#webhook/retry-schedule';
import { type Sent, sendMessage } from '#webhook/send';
import { writeMessage } from '#webhook/write-message';

const INTERVAL_MS = 500;
/** Messages that a worker has on their way at a time. */
const AT_ONCE = 10;
/** Longer than an attempt can take. */
const LEASE_MS = 60_000;
const GONE = 410;

export interface WebhookDeps {
  store: Store;
  logger: Logger;
  /** The job as the API answers it. */
  describeJob(job: Job): { links: string };
  /** Whether webhooks may lead into private networks. */
  allowsPrivateTargets: boolean;
}

/** Looks twice a second. The function that is returned stops it and waits for the messages on their way. */
export function startWebhooks(deps: WebhookDeps): () => Promise<void> {
  let isStopping = false;
  let running: Promise<void> | undefined;
  const run = async () => {
    while (!isStopping) {
      const due = await claimDueDeliveries(deps.store.pool, { limit: AT_ONCE, leaseMs: LEASE_MS });
      await Promise.all(due.map((one) => deliver(one, deps)));
      if (due.length < AT_ONCE) return;
    }
  };
  const start = () => {
    running ??= run()
      .catch((err) => deps.logger.warn({ err }, 'webhooks not looked at'))
      .finally(() => {
        running = undefined;
      });
  };
  const timer = setInterval(start, INTERVAL_MS);
  return async () => {
    isStopping = true;
    clearInterval(timer);
    await running;
  };
}

async function deliver(due: DueDelivery, deps: WebhookDeps): Promise<void> {
  const { store, logger } = deps;
  const log = { webhook_id: due.webhookId, delivery_id: due.id, event: due.event, attempts: due.attempts };
  try {
    const job = due.jobId === null ? undefined : await readJob(store.pool, due.environmentId, due.jobId);
    if (due.jobId !== null && job === undefined) {
      const attempt = {
        responseStatus: null,
        responseBody: null,
        latencyMs: 0,
        error: 'the job was deleted',
      };
      await store.transaction((tx) => noteFailure(tx, due, attempt, { waitMs: undefined, gone: false }));
      return;
    }
    const at = job?.endedAt ?? due.createdAt;
    const body = writeMessage({ event: due.event, job, at }, due.format, deps.describeJob);
    const { id, url, secrets } = due;
    const sent = await sendMessage({ id, url, secrets, body }, deps.allowsPrivateTargets);
    const isDisabled = await note(due, sent, store);
    logger.info(
      { ...log, status: sent.status, latency_ms: sent.latencyMs },
      sent.isDelivered ? 'webhook told' : 'webhook not told',
    );
    if (isDisabled) logger.warn(log, 'webhook disabled');
  } catch (err) {
    // Its lease ends, and it is tried again.
    logger.warn({ err, ...log }, 'webhook not told');
  }
}

/** @returns whether the webhook was disabled */
function note(due: DueDelivery, sent: Sent, store: Store): Promise<boolean> {
  const { status = null, answer = null, latencyMs, error = null } = sent;
  const attempt = { responseStatus: status, responseBody: answer, latencyMs, error };
  return store.transaction(async (tx) => {
    if (!sent.isDelivered) {
      const waitMs = nextWaitMs(due.attempts, sent.retryAfterMs);
      return noteFailure(tx, due, attempt, { waitMs, gone: status === GONE });
    }
    await endDelivered(tx, due, attempt);
    return false;
  });
}
