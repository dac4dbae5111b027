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
  responses: {
    200: { description: 'Both are up.', ...ready },
    503: { description: 'One of them is down.', ...ready },
    ...openErrors('invalid_request'),
  },
};

function page(path: string, operationId: string, summary: string, type: string, schema: object): RouteConfig {
  return {
    ...open,
    method: 'get',
    path,
    operationId,
    tags: ['Service'],
    summary,
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

const document = page('/openapi.json', 'read_openapi', 'This document', 'application/json', {
  type: 'object',
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
  page('/docs', 'read_docs', 'This document as a page to read and try', 'text/html', text),
  page('/docs/errors', 'read_error_docs', 'Every error code and what it means', 'text/html', text),
  file,
];
