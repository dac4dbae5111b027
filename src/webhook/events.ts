/** What a webhook can be told of. */

export const WEBHOOK_EVENTS = [
  'job.completed',
  'job.failed',
  'job.canceled',
  'sync.completed',
  'sync.failed',
  'sync.skipped',
] as const;

export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** What a webhook is sent when somebody tries it. */
export const TEST_EVENT = 'webhook.test';

export const WEBHOOK_FORMATS = ['standard', 'slack'] as const;

/** standard: Standard Webhooks 1.0. slack: one sentence, as Slack's incoming webhooks take it. */
export type WebhookFormat = (typeof WEBHOOK_FORMATS)[number];
