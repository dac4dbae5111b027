/** Reference of POST /v1/users/bulk_identify and POST /v1/companies/bulk_identify. */
import type { RouteConfig, ZodContentObject } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { Job } from '#dialect/userpilot/schemas';
import { ENTITIES, type Entity } from '#job/entity';
import { IDEMPOTENCY_KEY, IMPORT_PARAMETERS } from '../../imports/parameters';
import { errors, headers, linesOf } from '../answers';
import { COMPANIES, toNdjson, USERS } from '../examples';
import { CompanyRow, UserRow } from '../schemas';

const DESCRIPTION = `Takes an import in and answers at once with its job; a worker applies the rows in their order.
The 202 is sent only after the job and every row are committed. Any other answer leaves nothing behind.

Limits: 10,000 rows and 50 MB after decompression, unless the service is set up otherwise. \`Content-Encoding: gzip\` is
accepted for every type but multipart/form-data. Files and bodies that are gzip, a zip archive with one file, or a workbook
(XLSX) are unpacked, whatever their type says. A row that is refused never stops the others; see the results of the job.`;

const CSV = {
  users: 'user_id,company_id,plan\nuser_001,comp001,pro\nuser_002,comp002,free\n',
  companies: 'company_id,name,plan\ncomp001,Tech Startup,pro\n',
};

const XLSX = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';
const PACKED = { type: 'string' as const, format: 'binary' };

/** What clients call the part `file`; any other type is taken too. */
const FILE_TYPES = [
  'application/octet-stream',
  'application/x-ndjson',
  'application/json',
  'text/csv',
  XLSX,
  'application/gzip',
  'application/zip',
];

const FILE = {
  type: 'object' as const,
  required: ['file'],
  properties: {
    file: {
      type: 'string' as const,
      format: 'binary',
      contentMediaType: 'application/octet-stream',
      description:
        'NDJSON, CSV, JSON or a workbook (XLSX), also packed with gzip or zip, whatever it is called: what it is, its delimiter and its encoding are found in the file, and said in the warnings of the job where they are not the usual ones.',
    },
    mapping: {
      type: 'string' as const,
      description: 'As the parameter mapping; best before the file.',
      examples: ['{"id":"Contact ID","rename":{"Plan name":"plan"}}'],
    },
  },
  additionalProperties: false,
};

function bodies(entity: Entity): ZodContentObject {
  const { collection, idKey } = ENTITIES[entity];
  const [row, rows] = entity === 'user' ? [UserRow, USERS] : [CompanyRow, COMPANIES];
  const lines = linesOf(entity === 'user' ? 'UserRow' : 'CompanyRow', toNdjson(rows));
  return {
    'application/json': {
      schema: z.union([z.object({ [collection]: z.array(row).min(1) }), z.array(row).min(1)]),
      examples: {
        envelope: { summary: `{"${collection}": [...]}`, value: { [collection]: rows } },
        array: { summary: 'the bare array', value: rows },
      },
    },
    'multipart/form-data': { schema: FILE, encoding: { file: { contentType: FILE_TYPES.join(', ') } } },
    'application/x-ndjson': lines,
    'application/jsonl': lines,
    'text/csv': {
      schema: {
        type: 'string',
        description: `The header names ${idKey}; other columns are metadata, as strings. An empty cell is left out.`,
      },
      example: CSV[collection],
    },
    [XLSX]: { schema: PACKED },
    'application/gzip': { schema: PACKED },
    'application/zip': { schema: PACKED },
  };
}

function bulkIdentify(entity: Entity): RouteConfig {
  const { collection, missingCode } = ENTITIES[entity];
  return {
    method: 'post',
    path: `/v1/${collection}/bulk_identify`,
    operationId: `import_${collection}`,
    tags: ['Imports', 'Userpilot'],
    summary: `Create or update ${collection} in bulk`,
    description: DESCRIPTION,
    request: {
      query: z.object(IMPORT_PARAMETERS),
      headers: z.object({ 'Idempotency-Key': IDEMPOTENCY_KEY }),
      body: {
        required: true,
        description: 'One row an object: an array, or one object a line, or CSV.',
        content: bodies(entity),
      },
    },
    responses: {
      202: {
        description: 'Accepted: the job.',
        headers: headers('Location', 'Idempotent-Replayed'),
        content: { 'application/json': { schema: Job } },
      },
      ...errors(
        'invalid_json',
        missingCode,
        'empty_import',
        'invalid_multipart',
        'file_missing',
        'unexpected_field',
        'too_many_files',
        'forbidden',
        'job_in_progress',
        'idempotency_key_in_flight',
        'payload_too_large',
        'too_many_rows',
        'unsupported_media_type',
        'idempotency_key_reused',
        'storage_full',
      ),
    },
  };
}

export const importRoutes: readonly RouteConfig[] = [bulkIdentify('user'), bulkIdentify('company')];
