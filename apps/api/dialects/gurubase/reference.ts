/** Reference of Gurubase's upsert of profiles. */
import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { GurubaseBody, GurubaseFailure, GurubaseMessage, GurubaseResults } from '#dialect/gurubase/schemas';
import { headers } from '../../reference/answers';

const message = (description: string, ...names: Parameters<typeof headers>) => ({
  description,
  headers: headers(...names),
  content: { 'application/json': { schema: GurubaseMessage } },
});

export const gurubaseRoutes: readonly RouteConfig[] = [
  {
    method: 'post',
    path: '/api/v1/{guru_slug}/profiles',
    operationId: 'upsert_profiles',
    tags: ['Gurubase'],
    summary: 'Create or update profiles with their memory',
    description:
      'Within the request, with or without a slash at the end of the path. The slug is the environment’s. A body that is not valid as a whole stores nothing; of a valid one the good users are stored, whatever becomes of the others.',
    request: {
      params: z.object({ guru_slug: z.string() }),
      body: { required: true, content: { 'application/json': { schema: GurubaseBody } } },
    },
    responses: {
      200: {
        description: 'Every user was stored.',
        headers: headers('RateLimit', 'RateLimit-Policy'),
        content: { 'application/json': { schema: GurubaseResults } },
      },
      400: {
        description: 'Some users were not stored, or the body is not valid and none was.',
        headers: headers(),
        content: { 'application/json': { schema: GurubaseFailure } },
      },
      401: message('The API key is missing, unknown or revoked.', 'WWW-Authenticate'),
      403: message('The key is another environment’s, or may not import.'),
      404: message('There is no environment of this slug.'),
      413: message('The body is larger than the service takes, or has more users.'),
      415: message('The body is not application/json.'),
      429: message('Too many calls.', 'Retry-After', 'RateLimit', 'RateLimit-Policy'),
    },
  },
];
