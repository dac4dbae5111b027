/** What webhooks are made of, and the parameters of their lists. */
import { z } from 'zod';
import { WEBHOOK_EVENTS, WEBHOOK_FORMATS } from '#webhook/events';
import { cursor, limit, storableText } from '../parameters';

const MAX_URL_CHARACTERS = 2_048;
const MAX_DESCRIPTION_CHARACTERS = 256;

const url = storableText
  .min(1)
  .max(MAX_URL_CHARACTERS)
  .meta({ description: 'Where messages are sent, an address of https or http.' });
const events = z
  .array(z.enum(WEBHOOK_EVENTS))
  .min(1)
  .transform((all) => [...new Set(all)])
  .meta({ description: 'What is told.' });
const format = z.enum(WEBHOOK_FORMATS).meta({
  description: 'standard: Standard Webhooks 1.0. slack: one sentence with counts and a link.',
});
const description = storableText.max(MAX_DESCRIPTION_CHARACTERS);

/** Body of POST /v1/webhooks. */
export const NEW_WEBHOOK = z.strictObject({
  url,
  events,
  format: format.default('standard'),
  description: description.default(''),
  enabled: z.boolean().default(true),
});

/** Body of PATCH /v1/webhooks/{id}. */
export const WEBHOOK_CHANGE = z
  .strictObject({ url, events, format, description, enabled: z.boolean() })
  .partial();

export const LIST_DELIVERIES_PARAMETERS = {
  limit: limit(100, 20),
  cursor: cursor(),
};

/** Where a page of deliveries ended. */
export const LISTED_DELIVERY = z.strictObject({ createdAt: z.iso.datetime(), id: z.uuid() });
