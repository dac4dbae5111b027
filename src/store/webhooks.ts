/** Webhooks of environments. Secrets are read for sending only. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { WebhookFormat } from '#webhook/events';
import type { Queryable } from './client';

/** A webhook as its owner sees it. */
export interface Webhook {
  id: string;
  url: string;
  events: string[];
  format: WebhookFormat;
  description: string;
  enabled: boolean;
  /** Why it was disabled by the service; null = it was not. */
  disabledReason: string | null;
  createdAt: Date;
}

/** What its owner may say of it. */
export type WebhookFields = Pick<Webhook, 'url' | 'events' | 'format' | 'description' | 'enabled'>;

const COLUMNS = `id, url, events, format, description, enabled, disabled_reason AS "disabledReason",
  created_at AS "createdAt"`;

const SECRET_BYTES = 32;
/** How long the secret before a rotation still signs. */
const OVERLAP_HOURS = 24;

/** As Standard Webhooks writes it. */
export function writeSecret(secret: Buffer): string {
  return `whsec_${secret.toString('base64')}`;
}

/** Makes a webhook. Its secret is told here and nowhere else. */
export async function insertWebhook(
  db: Queryable,
  environmentId: number,
  { url, events, format, description, enabled }: WebhookFields,
): Promise<Webhook & { secret: string }> {
  const secret = randomBytes(SECRET_BYTES);
  const { rows } = await db.query<Webhook>(
    `INSERT INTO webhooks (id, environment_id, url, events, format, description, enabled, secret)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING ${COLUMNS}`,
    [randomUUID(), environmentId, url, events, format, description, enabled, secret],
  );
  return { ...(rows[0] as Webhook), secret: writeSecret(secret) };
}

/** In the order in which they were made. */
export async function listWebhooks(db: Queryable, environmentId: number): Promise<Webhook[]> {
  const { rows } = await db.query<Webhook>(
    `SELECT ${COLUMNS} FROM webhooks WHERE environment_id = $1 ORDER BY created_at, id`,
    [environmentId],
  );
  return rows;
}

export async function countWebhooks(db: Queryable, environmentId: number): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM webhooks WHERE environment_id = $1',
    [environmentId],
  );
  return rows[0]?.count ?? 0;
}

export async function findWebhook(
  db: Queryable,
  environmentId: number,
  id: string,
): Promise<Webhook | undefined> {
  const { rows } = await db.query<Webhook>(
    `SELECT ${COLUMNS} FROM webhooks WHERE id = $1 AND environment_id = $2`,
    [id, environmentId],
  );
  return rows[0];
}

/** Changes what is given. One that is enabled again begins anew, whatever it was disabled for. */
export async function updateWebhook(
  db: Queryable,
  environmentId: number,
  id: string,
  change: Partial<WebhookFields>,
): Promise<Webhook | undefined> {
  const { rows } = await db.query<Webhook>(
    `UPDATE webhooks SET url = coalesce($3, url), events = coalesce($4, events), format = coalesce($5, format),
       description = coalesce($6, description), enabled = coalesce($7, enabled),
       disabled_reason = CASE WHEN $7 THEN NULL ELSE disabled_reason END,
       failing_since = CASE WHEN $7 THEN NULL ELSE failing_since END
     WHERE id = $1 AND environment_id = $2 RETURNING ${COLUMNS}`,
    [id, environmentId, change.url, change.events, change.format, change.description, change.enabled],
  );
  return rows[0];
}

/** Its deliveries go with it. @returns false when there is none */
export async function deleteWebhook(db: Queryable, environmentId: number, id: string): Promise<boolean> {
  const { rowCount } = await db.query('DELETE FROM webhooks WHERE id = $1 AND environment_id = $2', [
    id,
    environmentId,
  ]);
  return rowCount === 1;
}

/** Gives the webhook another secret; the one before signs beside it for a day. */
export async function rotateSecret(
  db: Queryable,
  environmentId: number,
  id: string,
): Promise<(Webhook & { secret: string }) | undefined> {
  const secret = randomBytes(SECRET_BYTES);
  const { rows } = await db.query<Webhook>(
    `UPDATE webhooks SET previous_secret = secret, secret = $3,
       previous_secret_until = clock_timestamp() + interval '${OVERLAP_HOURS} hours'
     WHERE id = $1 AND environment_id = $2 RETURNING ${COLUMNS}`,
    [id, environmentId, secret],
  );
  return rows[0] && { ...rows[0], secret: writeSecret(secret) };
}
