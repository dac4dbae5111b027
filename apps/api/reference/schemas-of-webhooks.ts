/** What the answers about webhooks look like, for the reference. */
import { z } from 'zod';
import { TEST_EVENT, WEBHOOK_EVENTS, WEBHOOK_FORMATS } from '#webhook/events';

const time = z.iso.datetime();

export const WebhookEvent = z
  .enum(WEBHOOK_EVENTS)
  .meta({ id: 'WebhookEvent', description: 'What a webhook can be told of.' });

const WEBHOOK = {
  id: z.uuid(),
  url: z.string(),
  events: z.array(WebhookEvent),
  format: z.enum(WEBHOOK_FORMATS),
  description: z.string(),
  enabled: z.boolean(),
  disabled_reason: z.string().nullable().meta({ description: 'Why the service has disabled it.' }),
  created_at: time,
};

export const Webhook = z.object(WEBHOOK).meta({ id: 'Webhook', description: 'Who is told how jobs end.' });

export const NewSecret = z
  .object({
    ...WEBHOOK,
    secret: z.string().meta({ description: 'whsec_ and the secret in base64. It is shown this once.' }),
  })
  .meta({ id: 'WebhookWithSecret', description: 'A webhook with its new secret.' });

export const WebhookDelivery = z
  .object({
    id: z.uuid().meta({ description: 'The header webhook-id of the message.' }),
    event: z.union([WebhookEvent, z.literal(TEST_EVENT)]),
    job_id: z.uuid().nullable().meta({ description: 'Null for a test.' }),
    status: z.enum(['pending', 'delivered', 'failed']),
    attempts: z.int().nonnegative(),
    response_status: z.int().nullable().meta({ description: 'Of the last attempt; null without an answer.' }),
    response_body: z.string().nullable().meta({ description: 'The first 1,000 characters of the answer.' }),
    latency_ms: z.int().nonnegative().nullable(),
    error: z.string().nullable().meta({ description: 'Why there was no answer.' }),
    next_attempt_at: time.nullable().meta({ description: 'Null when no attempt is left.' }),
    created_at: time,
    ended_at: time.nullable(),
  })
  .meta({ id: 'WebhookDelivery', description: 'A message to a webhook and what became of it.' });
