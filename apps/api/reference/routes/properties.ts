/** Reference of the property catalogue. */
import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { LIST_PROPERTIES_PARAMETERS } from '../../properties/parameters';
import { errors, headers } from '../answers';
import { Property } from '../schemas';

export const propertyRoutes: readonly RouteConfig[] = [
  {
    method: 'get',
    path: '/v1/properties',
    operationId: 'list_properties',
    tags: ['Properties'],
    summary: 'List the metadata keys that are known',
    description: 'Page by page in the order of the keys’ bytes.',
    request: { query: z.object(LIST_PROPERTIES_PARAMETERS) },
    responses: {
      200: {
        description: 'One page of properties.',
        headers: headers('Link'),
        content: { 'application/json': { schema: z.array(Property) } },
      },
      ...errors(),
    },
  },
];
