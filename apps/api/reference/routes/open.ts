/** Reference of the service itself: health, metrics, and the reference. */
import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { errors, headers, openErrors } from '../answers';
import { FILES } from '../files';
import { DOCUMENT_PARAMETERS } from '../one-body';
import { Health, Ready } from '../schemas';

const open = { security: [] };

const healthz: RouteConfig = {
  ...open,
  method: 'get',
  path: '/healthz',
  operationId: 'read_health',
  tags: ['Service'],
  summary: 'Whether the process is up',
  description: 'A liveness probe: it checks neither the database nor the queue.',
  responses: {
    200: {
      description: 'It is up.',
      headers: headers(),
      content: { 'application/json': { schema: Health } },
    },
    ...openErrors('invalid_request'),
  },
};

const ready = { headers: headers(), content: { 'application/json': { schema: Ready } } };

const readyz: RouteConfig = {
  ...open,
  method: 'get',
  path: '/readyz',
  operationId: 'read_readiness',
  tags: ['Service'],
  summary: 'Whether the database and the queue are up',
  description: 'A readiness probe: send no requests here while it answers 503.',
  responses: {
    200: { description: 'Both are up.', ...ready },
    503: { description: 'One of them is down.', ...ready },
    ...openErrors('invalid_request'),
  },
};

interface PageDocs {
  path: string;
  operationId: string;
  summary: string;
  description: string;
  type: string;
  schema: object;
}

function page({ path, operationId, summary, description, type, schema }: PageDocs): RouteConfig {
  return {
    ...open,
    method: 'get',
    path,
    operationId,
    tags: ['Service'],
    summary,
    description,
    responses: {
      200: { description: summary, headers: headers('ETag'), content: { [type]: { schema } } },
      304: { description: 'It is what If-None-Match names.', headers: headers('ETag') },
      ...openErrors('invalid_request'),
    },
  };
}

const text = { type: 'string' as const };

const file: RouteConfig = {
  ...open,
  method: 'get',
  path: '/docs/{file}',
  operationId: 'read_docs_file',
  tags: ['Service'],
  summary: 'What the page /docs loads',
  description: 'Scripts, style sheets and images of Swagger UI.',
  request: { params: z.object({ file: z.enum(Object.keys(FILES) as [string, ...string[]]) }) },
  responses: {
    200: {
      description: 'The file.',
      headers: headers('ETag'),
      // OpenAPI has no schema for bytes.
      content: Object.fromEntries(
        Object.values(FILES).map(({ type }) => [type, type.startsWith('text/') ? { schema: text } : {}]),
      ),
    },
    304: { description: 'It is what If-None-Match names.', headers: headers('ETag') },
    ...openErrors('invalid_request', 'not_found'),
  },
};

const document = page({
  path: '/openapi.json',
  operationId: 'read_openapi',
  summary: 'This document',
  description: 'OpenAPI 3.1. With `body` for generators that know one body for an operation.',
  type: 'application/json',
  schema: { type: 'object' },
});

export const openRoutes: readonly RouteConfig[] = [
  {
    method: 'get',
    path: '/metrics',
    operationId: 'read_metrics',
    tags: ['Service'],
    summary: 'Metrics of this process',
    description: 'For Prometheus. Takes a key of scope read, or METRICS_TOKEN as bearer token.',
    responses: {
      200: {
        description: 'The metrics in the text format of Prometheus.',
        headers: headers(),
        content: { 'text/plain': { schema: z.string() } },
      },
      ...errors(),
    },
  },
  healthz,
  readyz,
  {
    ...document,
    request: { query: z.object(DOCUMENT_PARAMETERS) },
    responses: { ...document.responses, ...openErrors('invalid_request', 'invalid_parameter') },
  },
  page({
    path: '/docs',
    operationId: 'read_docs',
    summary: 'This document as a page to read and try',
    description: 'Swagger UI. It loads nothing from other hosts.',
    type: 'text/html',
    schema: text,
  }),
  page({
    path: '/docs/errors',
    operationId: 'read_error_docs',
    summary: 'Every error code and what it means',
    description: 'The `type` of an error body leads here.',
    type: 'text/html',
    schema: text,
  }),
  file,
];
