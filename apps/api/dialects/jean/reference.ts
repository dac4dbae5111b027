/** Reference of Jean Technologies' calls. */
import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { headers } from '../../reference/answers';
import { PUT_SCHEMA_PARAMETERS, READ_SCHEMA_PARAMETERS, SIMILAR_PARAMETERS } from './parameters';
import {
  JeanContextBody,
  JeanDomain,
  JeanError,
  JeanSchema,
  JeanSchemaBody,
  JeanSimilar,
  JeanUser,
  JeanUserBody,
} from './reference-schemas';

const TAG = 'Jean Technologies';
const RATES = ['RateLimit', 'RateLimit-Policy'] as const;

const error = (description: string, ...names: Parameters<typeof headers>) => ({
  description,
  headers: headers(...names),
  content: { 'application/json': { schema: JeanError } },
});
const answer = (description: string, schema: z.ZodType, ...names: Parameters<typeof headers>) => ({
  200: { description, headers: headers(...names), content: { 'application/json': { schema } } },
});
const body = (schema: z.ZodType) => ({ required: true, content: { 'application/json': { schema } } });

const COMMON = {
  400: error('A field or parameter is missing or wrong; the details say which.'),
  401: error('The API key is missing, unknown or revoked.', 'WWW-Authenticate'),
  429: error('Too many calls.', 'Retry-After', ...RATES),
};
const NO_DOMAIN = { 404: error('There is no such domain; the details say which ones there are.') };
const WRITES = {
  403: error('The key has too narrow a scope.'),
  413: error('The body is larger than 1 MiB, or the user’s texts are more than 1,000,000 characters.'),
  415: error('The body is not application/json.'),
};

export const jeanRoutes: readonly RouteConfig[] = [
  {
    method: 'post',
    path: '/v1/users',
    operationId: 'upsert_user',
    tags: [TAG],
    summary: 'Create or update a user from text and fields',
    description:
      'Replaces the user’s row in the domain: texts and extracted values of before are gone, explicit values stay until they are sent anew or as null. The user itself is the same in every dialect.',
    request: { body: body(JeanUserBody) },
    responses: { ...answer('The user.', JeanUser, ...RATES), ...COMMON, ...NO_DOMAIN, ...WRITES },
  },
  {
    method: 'post',
    path: '/v1/context',
    operationId: 'append_context',
    tags: [TAG],
    summary: 'Add a text about a user',
    description:
      'Non-destructive: what the text says is merged into what is known. Newer text replaces what older text said, lists grow, explicit values stay.',
    request: { body: body(JeanContextBody) },
    responses: { ...answer('The user.', JeanUser, ...RATES), ...COMMON, ...NO_DOMAIN, ...WRITES },
  },
  {
    method: 'get',
    path: '/v1/schema',
    operationId: 'read_schema',
    tags: [TAG],
    summary: 'Read what is extracted in a domain',
    description: 'The latest version of the schema, with its fields.',
    request: { query: z.object(READ_SCHEMA_PARAMETERS) },
    responses: { ...answer('The schema.', JeanSchema), ...COMMON, ...NO_DOMAIN },
  },
  {
    method: 'put',
    path: '/v1/schema',
    operationId: 'put_schema',
    tags: [TAG],
    summary: 'Install the schema of a domain',
    description:
      'Takes a key of scope `admin`. A changed schema is a new version, and older ones are kept; the same one again changes nothing. Users keep the values that they have until they are enriched again.',
    request: { query: z.object(PUT_SCHEMA_PARAMETERS), body: body(JeanSchemaBody) },
    responses: { ...answer('The schema with its version.', JeanSchema), ...COMMON, ...WRITES },
  },
  {
    method: 'get',
    path: '/v1/users/{user_id}/similar',
    operationId: 'list_similar_users',
    tags: [TAG],
    summary: 'List similar users of a domain',
    description:
      'By the cosine of the users’ vectors, compared with every candidate. The vector of a domain that the user is not in is made when it is first asked for.',
    request: { params: z.object({ user_id: z.string() }), query: z.object(SIMILAR_PARAMETERS) },
    responses: {
      ...answer('The nearest users.', JeanSimilar),
      ...COMMON,
      404: error('There is no such domain, or the user is in none.'),
    },
  },
  {
    method: 'get',
    path: '/v1/users/{user_id}/domains',
    operationId: 'list_domains_of_user',
    tags: [TAG],
    summary: 'List the domains that a user is in',
    description: 'With the version of each domain’s schema that the user was last enriched by.',
    request: { params: z.object({ user_id: z.string() }) },
    responses: {
      ...answer('The domains by name; none for an unknown user.', z.array(JeanDomain)),
      ...COMMON,
    },
  },
];
