/** Reference of reading and deleting users and companies. */
import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import type { ErrorCode } from '#errors';
import { ENTITIES, type Entity } from '#job/entity';
import { READ_USER_PARAMETERS } from '../../dialects/jean/parameters';
import { JeanUser } from '../../dialects/jean/reference-schemas';
import { deleteBody, LIST_COMPANIES_PARAMETERS, LIST_USERS_PARAMETERS } from '../../profiles/parameters';
import { errors, headers, linesOf } from '../answers';
import { toNdjson } from '../examples';
import { Company, Deleted, User } from '../schemas';

interface Kind {
  entity: Entity;
  one: string;
  schema: typeof User | typeof Company;
  query: z.ZodObject;
  notFound: ErrorCode;
  tag: string;
}

const KINDS: readonly Kind[] = [
  {
    entity: 'user',
    one: 'user',
    schema: User,
    query: z.object(LIST_USERS_PARAMETERS),
    notFound: 'user_not_found',
    tag: 'Users',
  },
  {
    entity: 'company',
    one: 'company',
    schema: Company,
    query: z.object(LIST_COMPANIES_PARAMETERS),
    notFound: 'company_not_found',
    tag: 'Companies',
  },
];

function list({ entity, schema, query, tag }: Kind): RouteConfig {
  const { collection } = ENTITIES[entity];
  const examples = schema.meta()?.examples as unknown[];
  return {
    method: 'get',
    path: `/v1/${collection}`,
    operationId: `list_${collection}`,
    tags: [tag],
    summary: `List stored ${collection}`,
    description:
      'Page by page in the order of the ids’ bytes; with `Accept: application/x-ndjson` the whole set as one stream. ' +
      'A list that is searched (`q`) is in the same order.',
    request: { query },
    responses: {
      200: {
        description: `One page of ${collection}, or all of them, one a line.`,
        headers: headers('Link'),
        content: {
          'application/json': { schema: z.array(schema) },
          'application/x-ndjson': linesOf(entity === 'user' ? 'User' : 'Company', toNdjson(examples)),
        },
      },
      ...errors(),
    },
  };
}

function read({ entity, one, schema, notFound, tag }: Kind): RouteConfig {
  const { collection, idKey } = ENTITIES[entity];
  return {
    method: 'get',
    path: `/v1/${collection}/{${idKey}}`,
    operationId: `read_${one}`,
    tags: [tag],
    summary: `Read a stored ${one}`,
    description:
      entity === 'user'
        ? 'With `domain` the user in that domain; its errors are a `JeanError` then.'
        : 'Its metadata as stored, and the job that last changed it.',
    request: {
      params: z.object({ [idKey]: z.string() }),
      ...(entity === 'user' && { query: z.object(READ_USER_PARAMETERS).partial() }),
    },
    responses: {
      200: {
        description: `The ${one}.`,
        headers: headers(),
        content: { 'application/json': { schema: entity === 'user' ? z.union([schema, JeanUser]) : schema } },
      },
      ...errors('invalid_request', notFound),
    },
  };
}

function erase({ entity, tag }: Kind): RouteConfig {
  const { collection, missingCode } = ENTITIES[entity];
  return {
    method: 'delete',
    path: `/v1/${collection}`,
    operationId: `delete_${collection}`,
    tags: entity === 'user' ? [tag, 'Userpilot'] : [tag],
    summary: `Delete ${collection}`,
    description:
      'Erased at once. From the answer on no result, download or retry shows them; the rows and results of jobs are scrubbed ' +
      'in the background. An import that is accepted later is about somebody new.',
    request: {
      body: {
        required: true,
        content: {
          'application/json': { schema: deleteBody(entity), example: { [collection]: ['id_001', 'id_002'] } },
        },
      },
    },
    responses: {
      202: {
        description: 'How many of them were stored.',
        headers: headers(),
        content: { 'application/json': { schema: Deleted } },
      },
      ...errors('invalid_json', missingCode, 'forbidden', 'payload_too_large', 'unsupported_media_type'),
    },
  };
}

export const profileRoutes: readonly RouteConfig[] = KINDS.flatMap((kind) => [
  list(kind),
  read(kind),
  erase(kind),
]);
