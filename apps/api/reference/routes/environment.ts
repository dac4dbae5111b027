/** Reference of what a key opens. */
import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { errors, headers } from '../answers';
import { Environment } from '../schemas';

export const environmentRoutes: readonly RouteConfig[] = [
  {
    method: 'get',
    path: '/v1/environment',
    operationId: 'read_environment',
    tags: ['Environment'],
    summary: 'Read what the key opens',
    description: 'The environment and scope of the key, and the limits of imports there.',
    responses: {
      200: {
        description: 'The environment of the key.',
        headers: headers(),
        content: { 'application/json': { schema: Environment } },
      },
      ...errors(),
    },
  },
];
