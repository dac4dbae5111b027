/** Reference of Userpilot's calls beside the imports: one user or company at once, the test of a connection, events. */
import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { Identified, IdentifyBody, IdentifyCompanyBody } from '#dialect/userpilot/identify-schemas';
import { errors, headers } from '../../reference/answers';
import { IDENTIFY_PARAMETERS } from './parameters';

function identify(path: string, operationId: string, schema: z.ZodType, one: string): RouteConfig {
  return {
    method: 'post',
    path,
    operationId,
    tags: ['Userpilot'],
    summary: `Create or update one ${one} at once`,
    description:
      'Answers after the commit. Needs no slot and runs beside imports. A row that breaks a rule is answered 400, each fault with its code and its place.',
    request: {
      query: z.object(IDENTIFY_PARAMETERS),
      body: { required: true, content: { 'application/json': { schema } } },
    },
    responses: {
      202: {
        description: 'Stored.',
        headers: headers('RateLimit', 'RateLimit-Policy'),
        content: { 'application/json': { schema: Identified } },
      },
      ...errors('invalid_json', 'row_refused', 'forbidden', 'payload_too_large', 'unsupported_media_type'),
    },
  };
}

export const identifyRoutes: readonly RouteConfig[] = [
  identify('/v1/identify', 'identify_user', IdentifyBody, 'user'),
  identify('/v1/companies/identify', 'identify_company', IdentifyCompanyBody, 'company'),
  {
    method: 'get',
    path: '/v1/validate',
    operationId: 'validate_key',
    tags: ['Userpilot'],
    summary: 'Test a connection',
    description: 'As Segment asks before a destination is connected.',
    responses: {
      200: {
        description: 'The key is good.',
        headers: headers(),
        content: { 'application/json': { schema: z.object({ environment: z.string() }) } },
      },
      ...errors(),
    },
  },
  {
    method: 'post',
    path: '/v1/track',
    operationId: 'track_event',
    tags: ['Userpilot'],
    summary: 'Events, which are not stored',
    description: 'Answered 501, or 202 with the setting TRACK=ignore. The body is not read.',
    request: { body: { content: { 'application/json': { schema: { type: 'object' } } } } },
    responses: {
      202: {
        description: 'With TRACK=ignore: the event was counted and is gone.',
        headers: headers(),
        content: { 'application/json': { schema: z.object({ outcome: z.literal('ignored') }) } },
      },
      ...errors('forbidden', 'not_supported'),
    },
  },
];
