/** The answers that operations share: errors, worded from the table in src/errors.ts, and response headers. */
import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { ERRORS, type ErrorCode } from '#errors';

type Responses = RouteConfig['responses'];
type HeaderName = keyof typeof HEADERS;
interface TextSchema {
  type: 'string';
  description: string;
  contentMediaType: string;
  contentSchema: { $ref: string };
}

/** `components.headers`. */
export const HEADERS = {
  'X-Request-Id': header(
    'The request’s own X-Request-Id when it is 1 to 200 of A-Za-z0-9._-, else a new one.',
  ),
  Location: header('Path of the job.'),
  Link: header('Address of the next page, `<...>; rel="next"`; absent on the last one.'),
  ETag: header('Version of what is answered, for If-None-Match.'),
  'Retry-After': header('Whole seconds until the next try is worth it.', 'integer'),
  'Idempotent-Replayed': header('true when this is the answer to an earlier request with this key.'),
  'WWW-Authenticate': header('Token realm="muster"'),
  RateLimit: header('What is left of the limit (draft of the IETF).'),
  'RateLimit-Policy': header('The limit (draft of the IETF).'),
};

function header(description: string, type: 'string' | 'integer' = 'string') {
  return { description, schema: { type } };
}

/** References to headers; X-Request-Id is on every answer. */
export function headers(...names: HeaderName[]): Record<string, { $ref: string }> {
  const all: HeaderName[] = ['X-Request-Id', ...names];
  return Object.fromEntries(all.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/**
 * Content of NDJSON: to OpenAPI a text; what each line is stands in `contentSchema`.
 * @param schema name of the schema of a line
 */
export function linesOf(schema: string, example: string): { schema: TextSchema; example: string } {
  return {
    schema: {
      type: 'string',
      description: `NDJSON: one JSON object a line, each a ${schema}.`,
      contentMediaType: 'application/x-ndjson',
      contentSchema: { $ref: `#/components/schemas/${schema}` },
    },
    example,
  };
}

/**
 * Content of Server-Sent Events: a text as well; what the data of each event is stands in `contentSchema`.
 * @param schema name of the schema of the data
 */
export function eventsOf(schema: string): { schema: TextSchema } {
  return {
    schema: {
      type: 'string',
      description: `Server-Sent Events: the data of each is a ${schema}, as JSON.`,
      contentMediaType: 'text/event-stream',
      contentSchema: { $ref: `#/components/schemas/${schema}` },
    },
  };
}

const ERROR_HEADERS: Partial<Record<number, HeaderName[]>> = {
  401: ['WWW-Authenticate'],
  409: ['Retry-After'],
  429: ['Retry-After', 'RateLimit', 'RateLimit-Policy'],
  503: ['Retry-After'],
};

/** Errors of one status; the description names each code with its sentence. */
function errorResponse(status: number, codes: readonly ErrorCode[]) {
  const lines = codes.map((code) => `- \`${code}\`: ${ERRORS[code][2]}`);
  const examples = Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]));
  const body = { schema: { $ref: '#/components/schemas/ErrorBody' }, examples };
  return {
    description: `${ERRORS[codes[0] as ErrorCode][1]}\n\n${lines.join('\n')}`,
    headers: headers(...(ERROR_HEADERS[status] ?? [])),
    content: { 'application/json': body, 'application/problem+json': body },
  };
}

/** Errors that every operation behind a key can answer, as `components.responses`. */
const COMMON = {
  Unauthorized: 'unauthorized',
  RateLimited: 'rate_limited',
  InternalError: 'internal',
  Unavailable: 'unavailable',
} as const satisfies Record<string, ErrorCode>;

/** `components.responses`. */
export function commonResponses(): Record<string, ReturnType<typeof errorResponse>> {
  return Object.fromEntries(
    Object.entries(COMMON).map(([name, code]) => [name, errorResponse(ERRORS[code][0], [code])]),
  );
}

/** Errors of an operation that is open without a key. */
export function openErrors(...codes: ErrorCode[]): Responses {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const [status] = ERRORS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries([...byStatus].map(([status, group]) => [status, errorResponse(status, group)]));
}

/** Errors of an operation behind a key: the given ones, those of every such operation, and an unknown parameter. */
export function errors(...codes: ErrorCode[]): Responses {
  const common = Object.entries(COMMON).map(([name, code]) => [
    ERRORS[code][0],
    { $ref: `#/components/responses/${name}` },
  ]);
  return { ...openErrors('invalid_parameter', ...codes), ...Object.fromEntries(common) };
}
