/** Reference of the webhooks. */
import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { LIST_DELIVERIES_PARAMETERS, NEW_WEBHOOK, WEBHOOK_CHANGE } from '../../webhooks/parameters';
import { errors, headers } from '../answers';
import { NewSecret, Webhook, WebhookDelivery } from '../schemas-of-webhooks';

const tags = ['Webhooks'];
const id = z.uuid().meta({ description: 'Id of the webhook.' });
const params = z.object({ id });
const json = (schema: z.ZodType) => ({ 'application/json': { schema } });

export const webhookRoutes: readonly RouteConfig[] = [
  {
    method: 'get',
    path: '/v1/webhooks',
    operationId: 'list_webhooks',
    tags,
    summary: 'List the webhooks of the environment',
    description: 'In the order in which they were made. Takes a key of scope admin.',
    responses: {
      200: { description: 'All of them.', headers: headers(), content: json(z.array(Webhook)) },
      ...errors('forbidden'),
    },
  },
  {
    method: 'post',
    path: '/v1/webhooks',
    operationId: 'create_webhook',
    tags,
    summary: 'Be told how jobs end',
    description:
      'Messages are signed as Standard Webhooks 1.0 has it, and sent again for a day until the receiver takes them. Takes a key of scope admin.',
    request: { body: { required: true, content: json(NEW_WEBHOOK) } },
    responses: {
      201: {
        description: 'The webhook with its secret, which is shown here and after a rotation only.',
        headers: headers('Location'),
        content: json(NewSecret),
      },
      ...errors(
        'forbidden',
        'invalid_json',
        'invalid_webhook',
        'target_not_allowed',
        'payload_too_large',
        'unsupported_media_type',
      ),
    },
  },
  {
    method: 'get',
    path: '/v1/webhooks/{id}',
    operationId: 'get_webhook',
    tags,
    summary: 'Read a webhook',
    description: 'Without its secret. Takes a key of scope admin.',
    request: { params },
    responses: {
      200: { description: 'The webhook.', headers: headers(), content: json(Webhook) },
      ...errors('forbidden', 'webhook_not_found'),
    },
  },
  {
    method: 'patch',
    path: '/v1/webhooks/{id}',
    operationId: 'update_webhook',
    tags,
    summary: 'Change a webhook',
    description: 'What is not sent stays. enabled: true starts one again that was disabled.',
    request: { params, body: { required: true, content: json(WEBHOOK_CHANGE) } },
    responses: {
      200: { description: 'The webhook.', headers: headers(), content: json(Webhook) },
      ...errors(
        'forbidden',
        'webhook_not_found',
        'invalid_json',
        'invalid_webhook',
        'target_not_allowed',
        'payload_too_large',
        'unsupported_media_type',
      ),
    },
  },
  {
    method: 'delete',
    path: '/v1/webhooks/{id}',
    operationId: 'delete_webhook',
    tags,
    summary: 'Delete a webhook',
    description: 'Its deliveries go with it, those on their way too.',
    request: { params },
    responses: {
      204: { description: 'It is gone.', headers: headers() },
      ...errors('forbidden', 'webhook_not_found'),
    },
  },
  {
    method: 'post',
    path: '/v1/webhooks/{id}/rotate',
    operationId: 'rotate_webhook_secret',
    tags,
    summary: 'Give a webhook another secret',
    description: 'For a day messages are signed with both.',
    request: { params },
    responses: {
      200: { description: 'The webhook with its new secret.', headers: headers(), content: json(NewSecret) },
      ...errors('forbidden', 'webhook_not_found'),
    },
  },
  {
    method: 'post',
    path: '/v1/webhooks/{id}/test',
    operationId: 'test_webhook',
    tags,
    summary: 'Send a message of the type webhook.test',
    description: 'Tests the receiver: the deliveries of the webhook show what it answered.',
    request: { params },
    responses: {
      202: { description: 'It is sent soon.', headers: headers(), content: json(WebhookDelivery) },
      ...errors('forbidden', 'webhook_not_found'),
    },
  },
  {
    method: 'get',
    path: '/v1/webhooks/{id}/deliveries',
    operationId: 'list_webhook_deliveries',
    tags,
    summary: 'List what a webhook was told',
    description: 'Newest first. Kept as long as jobs are.',
    request: { params, query: z.object(LIST_DELIVERIES_PARAMETERS) },
    responses: {
      200: { description: 'One page.', headers: headers('Link'), content: json(z.array(WebhookDelivery)) },
      ...errors('forbidden', 'webhook_not_found'),
    },
  },
  {
    method: 'post',
    path: '/v1/webhooks/{id}/deliveries/{delivery_id}/replay',
    operationId: 'replay_webhook_delivery',
    tags,
    summary: 'Send a message again',
    description: 'As a delivery of its own, with an id of its own.',
    request: { params: z.object({ id, delivery_id: z.uuid().meta({ description: 'Id of the delivery.' }) }) },
    responses: {
      202: { description: 'It is sent soon.', headers: headers(), content: json(WebhookDelivery) },
      ...errors('forbidden', 'webhook_not_found'),
    },
  },
];
