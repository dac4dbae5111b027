/** /v1/webhooks: who is told when a job ends, with which secret, and what became of each message. Takes a key of scope admin. */
import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { AppError } from '#errors';
import {
  endPending,
  findDelivery,
  insertDelivery,
  listDeliveries,
  type WebhookDelivery,
} from '#store/webhook-deliveries';
import {
  countWebhooks,
  deleteWebhook,
  findWebhook,
  insertWebhook,
  listWebhooks,
  rotateSecret,
  updateWebhook,
  type Webhook,
} from '#store/webhooks';
import { requireAllowedTarget } from '#webhook/check-target';
import { TEST_EVENT } from '#webhook/events';
import { type ApiDeps, baseUrlOf, callerOf, requireScope } from '../context';
import { methodNotAllowed } from '../method-not-allowed';
import type { CursorScope, PageCursors } from '../page-cursors';
import { NO_PARAMETERS, nextLink, readQuery } from '../parameters';
import { readJsonBody } from '../read-json-body';
import { LIST_DELIVERIES_PARAMETERS, LISTED_DELIVERY, NEW_WEBHOOK, WEBHOOK_CHANGE } from './parameters';

/** Of one environment. */
const MOST_WEBHOOKS = 20;

export function webhooks({ store, settings }: ApiDeps, cursors: PageCursors): Router {
  const { pool } = store;
  const allowsPrivate = settings.allowPrivateTargets ?? false;
  const router = Router({ caseSensitive: true });

  /** The environment, and the webhook of the path. @throws AppError forbidden, webhook_not_found */
  const begin = async (req: Request, res: Response, isList = false) => {
    requireScope(res, 'admin');
    if (!isList) readQuery(req, NO_PARAMETERS);
    const { environmentId } = callerOf(res);
    const id = z.uuid().safeParse(req.params.id);
    const webhook = id.success ? await findWebhook(pool, environmentId, id.data) : undefined;
    return { environmentId, webhook: found(webhook) };
  };

  router
    .route('/v1/webhooks')
    .get(async (req, res) => {
      requireScope(res, 'admin');
      readQuery(req, NO_PARAMETERS);
      res.json((await listWebhooks(pool, callerOf(res).environmentId)).map(writeWebhook));
    })
    .post(async (req, res) => {
      requireScope(res, 'admin');
      readQuery(req, NO_PARAMETERS);
      const { environmentId } = callerOf(res);
      const fields = await readJsonBody(req, res, NEW_WEBHOOK, 'invalid_webhook');
      await requireAllowedTarget(fields.url, allowsPrivate);
      if ((await countWebhooks(pool, environmentId)) >= MOST_WEBHOOKS) {
        throw new AppError('invalid_webhook', {
          details: `An environment has at most ${MOST_WEBHOOKS} webhooks.`,
        });
      }
      const made = await insertWebhook(pool, environmentId, fields);
      res
        .status(201)
        .location(`/v1/webhooks/${made.id}`)
        .json({ ...writeWebhook(made), secret: made.secret });
    })
    .all(methodNotAllowed('GET, HEAD, POST'));

  router
    .route('/v1/webhooks/:id')
    .get(async (req, res) => {
      res.json(writeWebhook((await begin(req, res)).webhook));
    })
    .patch(async (req, res) => {
      const { environmentId, webhook } = await begin(req, res);
      const change = await readJsonBody(req, res, WEBHOOK_CHANGE, 'invalid_webhook');
      if (change.url !== undefined) await requireAllowedTarget(change.url, allowsPrivate);
      const { url, events, format, description, enabled } = change;
      const given = { url, events, format, description, enabled };
      const isGiven = ([, value]: [string, unknown]) => value !== undefined;
      const changed = await updateWebhook(
        pool,
        environmentId,
        webhook.id,
        Object.fromEntries(Object.entries(given).filter(isGiven)),
      );
      if (enabled === false) await endPending(pool, webhook.id);
      res.json(writeWebhook(found(changed)));
    })
    .delete(async (req, res) => {
      const { environmentId, webhook } = await begin(req, res);
      await deleteWebhook(pool, environmentId, webhook.id);
      res.status(204).end();
    })
    .all(methodNotAllowed('GET, HEAD, PATCH, DELETE'));

  router
    .route('/v1/webhooks/:id/rotate')
    .post(async (req, res) => {
      const { environmentId, webhook } = await begin(req, res);
      const rotated = found(await rotateSecret(pool, environmentId, webhook.id));
      res.json({ ...writeWebhook(rotated), secret: rotated.secret });
    })
    .all(methodNotAllowed('POST'));

  router
    .route('/v1/webhooks/:id/test')
    .post(async (req, res) => {
      const { environmentId, webhook } = await begin(req, res);
      const made = await insertDelivery(pool, environmentId, webhook.id, { event: TEST_EVENT, jobId: null });
      res.status(202).json(writeDelivery(made));
    })
    .all(methodNotAllowed('POST'));

  router
    .route('/v1/webhooks/:id/deliveries')
    .get(async (req, res) => {
      const { limit, cursor } = readQuery(req, LIST_DELIVERIES_PARAMETERS);
      const { environmentId, webhook } = await begin(req, res, true);
      const scope: CursorScope = { list: `deliveries of ${webhook.id}`, environmentId };
      const after = await cursors.open(scope, LISTED_DELIVERY, cursor);
      const listed = await listDeliveries(pool, environmentId, webhook.id, { after, limit: limit + 1 });
      const page = listed.slice(0, limit);
      const last = page.at(-1);
      if (listed.length > limit && last !== undefined) {
        const place = { createdAt: last.createdAt.toISOString(), id: last.id };
        res.set('Link', nextLink(req, baseUrlOf(req), await cursors.seal(scope, place)));
      }
      res.json(page.map(writeDelivery));
    })
    .all(methodNotAllowed('GET, HEAD'));

  router
    .route('/v1/webhooks/:id/deliveries/:deliveryId/replay')
    .post(async (req, res) => {
      const { environmentId, webhook } = await begin(req, res);
      const id = z.uuid().safeParse(req.params.deliveryId);
      const told = found(
        id.success ? await findDelivery(pool, environmentId, webhook.id, id.data) : undefined,
      );
      res.status(202).json(writeDelivery(await insertDelivery(pool, environmentId, webhook.id, told)));
    })
    .all(methodNotAllowed('POST'));

  return router;
}

function found<T>(one: T | undefined): T {
  if (one === undefined) throw new AppError('webhook_not_found');
  return one;
}

function writeWebhook({ id, url, events, format, description, enabled, disabledReason, createdAt }: Webhook) {
  return {
    ...{ id, url, events, format, description, enabled },
    disabled_reason: disabledReason,
    created_at: createdAt.toISOString(),
  };
}

function writeDelivery(delivery: WebhookDelivery) {
  const { id, event, jobId, status, attempts, responseStatus, responseBody, latencyMs, error } = delivery;
  return {
    ...{ id, event, job_id: jobId, status, attempts },
    response_status: responseStatus,
    response_body: responseBody,
    latency_ms: latencyMs,
    error,
    next_attempt_at: delivery.nextAttemptAt?.toISOString() ?? null,
    created_at: delivery.createdAt.toISOString(),
    ended_at: delivery.endedAt?.toISOString() ?? null,
  };
}
