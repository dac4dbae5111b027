/**
 * What webhooks are told: a row for each message, made in the transaction of what it tells, and kept with what became of it.
 * A row holds no data of a user: the message is written when it is sent.
 */
import { randomUUID } from 'node:crypto';
import type { WebhookFormat } from '#webhook/events';
import type { Queryable, Transaction } from './client';

export type DeliveryStatus = 'pending' | 'delivered' | 'failed';

/** A delivery as the owner of the webhook sees it. */
export interface WebhookDelivery {
  id: string;
  event: string;
  jobId: string | null;
  status: DeliveryStatus;
  attempts: number;
  responseStatus: number | null;
  responseBody: string | null;
  latencyMs: number | null;
  /** Why there was no answer. */
  error: string | null;
  createdAt: Date;
  nextAttemptAt: Date | null;
  endedAt: Date | null;
}

const COLUMNS = `id, event, job_id AS "jobId", status, attempts, response_status AS "responseStatus",
  response_body AS "responseBody", latency_ms AS "latencyMs", error, created_at AS "createdAt",
  next_attempt_at AS "nextAttemptAt", ended_at AS "endedAt"`;

/** Notes that the webhooks of the environment that want to know are to be told how a job has ended. */
export async function noteEvent(
  tx: Transaction,
  environmentId: number,
  event: string,
  jobId: string,
): Promise<void> {
  await tx.query({
    name: 'note-webhook-event',
    text: `INSERT INTO webhook_deliveries (id, environment_id, webhook_id, event, job_id)
           SELECT gen_random_uuid(), $1, id, $2, $3 FROM webhooks
           WHERE environment_id = $1 AND enabled AND $2 = ANY (events)`,
    values: [environmentId, event, jobId],
  });
}

/** Makes one delivery, to be sent at once. */
export async function insertDelivery(
  db: Queryable,
  environmentId: number,
  webhookId: string,
  { event, jobId }: Pick<WebhookDelivery, 'event' | 'jobId'>,
): Promise<WebhookDelivery> {
  const { rows } = await db.query<WebhookDelivery>(
    `INSERT INTO webhook_deliveries (id, environment_id, webhook_id, event, job_id) VALUES ($1, $2, $3, $4, $5)
     RETURNING ${COLUMNS}`,
    [randomUUID(), environmentId, webhookId, event, jobId],
  );
  return rows[0] as WebhookDelivery;
}

/** The newest first. @param after only those behind this one */
export async function listDeliveries(
  db: Queryable,
  environmentId: number,
  webhookId: string,
  { after, limit }: { after: { createdAt: string; id: string } | undefined; limit: number },
): Promise<WebhookDelivery[]> {
  const { rows } = await db.query<WebhookDelivery>(
    `SELECT ${COLUMNS} FROM webhook_deliveries
     WHERE webhook_id = $1 AND environment_id = $2
       AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
     ORDER BY created_at DESC, id DESC LIMIT $5`,
    [webhookId, environmentId, after?.createdAt, after?.id, limit],
  );
  return rows;
}

export async function findDelivery(
  db: Queryable,
  environmentId: number,
  webhookId: string,
  id: string,
): Promise<WebhookDelivery | undefined> {
  const { rows } = await db.query<WebhookDelivery>(
    `SELECT ${COLUMNS} FROM webhook_deliveries WHERE id = $1 AND webhook_id = $2 AND environment_id = $3`,
    [id, webhookId, environmentId],
  );
  return rows[0];
}

/** A delivery that is due, with what it takes to send it. */
export interface DueDelivery {
  id: string;
  environmentId: number;
  webhookId: string;
  event: string;
  jobId: string | null;
  /** Those that were made, this one among them. */
  attempts: number;
  createdAt: Date;
  url: string;
  format: WebhookFormat;
  /** The newest first. */
  secrets: Buffer[];
}

/**
 * Takes deliveries that are due. Nobody else takes them before the lease is over: who is killed meanwhile has sent them or
 * not, so they are sent again.
 */
export async function claimDueDeliveries(
  db: Queryable,
  { limit, leaseMs }: { limit: number; leaseMs: number },
): Promise<DueDelivery[]> {
  const { rows } = await db.query<DueDelivery>(
    `WITH due AS (
       SELECT id FROM webhook_deliveries WHERE next_attempt_at <= clock_timestamp()
       ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED)
     UPDATE webhook_deliveries d
     SET attempts = d.attempts + 1, next_attempt_at = clock_timestamp() + $2 * interval '1 millisecond'
     FROM due, webhooks w WHERE d.id = due.id AND w.id = d.webhook_id
     RETURNING d.id, d.environment_id AS "environmentId", d.webhook_id AS "webhookId", d.event, d.job_id AS "jobId",
       d.attempts, d.created_at AS "createdAt", w.url, w.format,
       CASE WHEN w.previous_secret_until > clock_timestamp() THEN ARRAY[w.secret, w.previous_secret]
            ELSE ARRAY[w.secret] END AS secrets`,
    [limit, leaseMs],
  );
  return rows;
}

/** What became of an attempt. */
export interface Attempt {
  responseStatus: number | null;
  responseBody: string | null;
  latencyMs: number;
  error: string | null;
}

/** Notes that the message has arrived: the webhook is not failing any more. */
export async function endDelivered(tx: Transaction, due: DueDelivery, attempt: Attempt): Promise<void> {
  await end(tx, due, 'delivered', attempt);
  await tx.query('UPDATE webhooks SET failing_since = NULL WHERE id = $1 AND failing_since IS NOT NULL', [
    due.webhookId,
  ]);
}

/** How long a webhook may fail before it is told nothing any more. */
const FAILING_HOURS = 24;

/**
 * Notes that an attempt has failed.
 * @param waitMs until the next one; undefined = there is none
 * @param gone the receiver has said that it will never be there again
 * @returns whether the webhook was disabled for it
 */
export async function noteFailure(
  tx: Transaction,
  due: DueDelivery,
  attempt: Attempt,
  { waitMs, gone }: { waitMs: number | undefined; gone: boolean },
): Promise<boolean> {
  const { rows } = await tx.query<{ isOver: boolean }>(
    `UPDATE webhooks SET failing_since = coalesce(failing_since, $2)
     WHERE id = $1 RETURNING failing_since < clock_timestamp() - interval '${FAILING_HOURS} hours' AS "isOver"`,
    [due.webhookId, due.createdAt],
  );
  const isDisabled = gone || rows[0]?.isOver === true;
  if (isDisabled) {
    const reason = gone
      ? 'The receiver answered 410 Gone.'
      : `Every message has failed for ${FAILING_HOURS} hours.`;
    await tx.query('UPDATE webhooks SET enabled = false, disabled_reason = $2 WHERE id = $1', [
      due.webhookId,
      reason,
    ]);
  }
  if (isDisabled) await endPending(tx, due.webhookId);
  if (waitMs === undefined || isDisabled) await end(tx, due, 'failed', attempt);
  else await postpone(tx, due, attempt, waitMs);
  return isDisabled;
}

/** Nothing more is sent to a webhook that is disabled. */
export async function endPending(db: Queryable, webhookId: string): Promise<void> {
  await db.query(
    `UPDATE webhook_deliveries SET status = 'failed', error = 'the webhook was disabled', next_attempt_at = NULL,
       ended_at = clock_timestamp() WHERE webhook_id = $1 AND status = 'pending'`,
    [webhookId],
  );
}

async function end(
  tx: Transaction,
  { id }: DueDelivery,
  status: DeliveryStatus,
  { responseStatus, responseBody, latencyMs, error }: Attempt,
): Promise<void> {
  await tx.query(
    `UPDATE webhook_deliveries SET status = $2, response_status = $3, response_body = $4, latency_ms = $5, error = $6,
       next_attempt_at = NULL, ended_at = clock_timestamp() WHERE id = $1`,
    [id, status, responseStatus, responseBody, latencyMs, error],
  );
}

async function postpone(
  tx: Transaction,
  { id }: DueDelivery,
  { responseStatus, responseBody, latencyMs, error }: Attempt,
  waitMs: number,
): Promise<void> {
  await tx.query(
    `UPDATE webhook_deliveries SET response_status = $2, response_body = $3, latency_ms = $4, error = $5,
       next_attempt_at = clock_timestamp() + $6 * interval '1 millisecond' WHERE id = $1`,
    [id, responseStatus, responseBody, latencyMs, error, waitMs],
  );
}

const BATCH_ROWS = 5_000;

/** Deletes deliveries that ended long ago. @returns whether there may be more */
export async function deleteOldDeliveries(tx: Transaction, days: number): Promise<boolean> {
  const { rowCount } = await tx.query(
    `DELETE FROM webhook_deliveries WHERE id = ANY (ARRAY(
       SELECT id FROM webhook_deliveries WHERE ended_at < clock_timestamp() - $1 * interval '1 day'
       ORDER BY ended_at LIMIT ${BATCH_ROWS}))`,
    [days],
  );
  return rowCount === BATCH_ROWS;
}
