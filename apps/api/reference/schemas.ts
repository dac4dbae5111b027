/** Rows that imports take and answers of our own, as zod schemas with descriptions and examples. */
import { z } from 'zod';
import { memory } from '#dialect/gurubase/schemas';
import { PROPERTY_TYPES } from '#job/observations';
import { RESULT_OUTCOMES, ROW_ERRORS, type RowErrorCode } from '#job/outcome';
import { SCOPES } from '#store/api-keys';
import { MOST_COUNTED } from '#store/count-properties';

const time = z.iso.datetime();
const scalar = z.union([z.string(), z.number(), z.boolean()]);
const id = z.string().min(1).max(256);

const sentMetadata = z.record(z.string().min(1).max(256), scalar.nullable()).nullable().optional().meta({
  description: 'Strings, numbers, booleans and null, which removes the key. At most 1,000 keys.',
});

const storedMetadata = z.record(z.string(), scalar).meta({
  description: 'Strings and numbers with every character and digit as they were sent.',
});

export const UserRow = z
  .looseObject({
    user_id: id.meta({ description: 'Kept character by character: no trimming, no case folding.' }),
    company_id: id
      .nullable()
      .optional()
      .meta({ description: 'Absent leaves the company, null detaches it.' }),
    metadata: sentMetadata,
  })
  .meta({ id: 'UserRow', description: 'One user of an import. Other keys are ignored, with a warning.' });

export const CompanyRow = z.looseObject({ company_id: id, metadata: sentMetadata }).meta({
  id: 'CompanyRow',
  description: 'One company of an import. Other keys are ignored, with a warning.',
});

export const Outcome = z.enum(RESULT_OUTCOMES).meta({
  id: 'Outcome',
  description: 'What became of a row. unprocessed: the job has not come to it, or never will.',
});

export const RowError = z
  .object({
    code: z.enum(Object.keys(ROW_ERRORS) as [RowErrorCode, ...RowErrorCode[]]),
    path: z
      .string()
      .meta({ description: 'Where in the row, such as metadata.age; empty for the whole row.' }),
    message: z.string(),
    value: z.string().optional().meta({
      description: 'With values=true: the beginning of the value that it is about, where there is one.',
    }),
  })
  .meta({
    id: 'RowError',
    description: 'Why a row was refused; /docs/errors explains each code.',
    examples: [{ code: 'id_missing', path: 'user_id', message: ROW_ERRORS.id_missing }],
  });

export const RowResult = z
  .object({
    row: z.int().min(1).meta({ description: 'Position among the rows of the import.' }),
    line: z.int().min(1).nullable().meta({
      description: 'Line of the file; the first one of a CSV record; null for a JSON body.',
    }),
    id: z.string().nullable().meta({ description: 'Null when the row has no usable id, or was erased.' }),
    outcome: Outcome,
    errors: z.array(RowError),
    erased: z.literal(true).optional().meta({
      description: 'Only there when the user or company was erased; the row keeps its place.',
    }),
    superseded: z.literal(true).optional().meta({
      description: 'Only there when another row of the same id was applied on top of it, or instead of it.',
    }),
  })
  .meta({
    id: 'RowResult',
    description: 'What became of one row, in the order in which the rows were sent.',
    examples: [{ row: 1, line: 1, id: 'user_001', outcome: 'created', errors: [] }],
  });

const stored = {
  metadata: storedMetadata,
  created_at: time,
  updated_at: time,
  last_job_id: z.uuid().nullable().meta({ description: 'The job that last changed it.' }),
};

const STORED_EXAMPLE = {
  metadata: { plan: 'pro', seats: 12 },
  created_at: '2026-02-02T12:34:57.000Z',
  updated_at: '2026-02-02T12:34:57.000Z',
  last_job_id: '9536d797-7039-4d30-8c11-ac437367d732',
};

export const User = z
  .object({
    user_id: z.string(),
    company_id: z.string().nullable(),
    ...stored,
    memory: memory.optional().meta({ description: 'Only there when one was sent, and only for one user.' }),
  })
  .meta({
    id: 'User',
    description: 'A stored user.',
    examples: [{ user_id: 'user_001', company_id: 'comp001', ...STORED_EXAMPLE }],
  });

export const Company = z.object({ company_id: z.string(), ...stored }).meta({
  id: 'Company',
  description: 'A stored company.',
  examples: [{ company_id: 'comp001', ...STORED_EXAMPLE }],
});

export const Property = z
  .object({
    key: z.string().meta({ description: 'Key in the metadata.' }),
    types: z
      .array(z.enum(PROPERTY_TYPES))
      .meta({ description: 'Seen so far. Date is a string in ISO 8601.' }),
    count: z.int().min(0).meta({ description: 'Users, or companies, that have it.' }),
    coverage: z.number().min(0).max(1).meta({ description: 'The same as a share of all.' }),
    estimated: z.boolean().meta({
      description: `Whether count and coverage come from a sample, as they do with more than ${MOST_COUNTED} users.`,
    }),
    first_seen_at: z.iso.datetime(),
    last_seen_at: z.iso.datetime(),
    first_job_id: z.uuid().nullable().meta({ description: 'The job that first sent it.' }),
  })
  .meta({
    id: 'Property',
    description: 'A metadata key of an environment. It stays in the list when nobody has it any more.',
    examples: [
      {
        key: 'plan',
        types: ['String'],
        count: 9_812,
        coverage: 0.9812,
        estimated: false,
        first_seen_at: '2026-02-02T12:34:56.000Z',
        last_seen_at: '2026-02-03T02:00:07.000Z',
        first_job_id: '9536d797-7039-4d30-8c11-ac437367d732',
      },
    ],
  });

export const Environment = z
  .object({
    slug: z.string().meta({ description: 'Its name.' }),
    scope: z.enum(SCOPES).meta({
      description: 'What the key may do: read (GET), import (imports too), admin (everything, as erasing).',
    }),
    users_per_minute: z.int().min(0).meta({ description: 'The throttle of imports; 0 = none.' }),
    max_rows: z.int().min(1).meta({ description: 'Rows of one request.' }),
    max_bytes: z.int().min(1).meta({ description: 'Bytes of the file or body of one request.' }),
  })
  .meta({
    id: 'Environment',
    description: 'The environment of a key, and the limits that hold there.',
    examples: [
      { slug: 'default', scope: 'admin', users_per_minute: 1800, max_rows: 10_000, max_bytes: 52_428_800 },
    ],
  });

export const Deleted = z.object({ count: z.int().min(0), message: z.string() }).meta({
  id: 'Deleted',
  description: 'How many of the ids were stored; they are gone.',
  examples: [{ count: 1, message: '1 user was deleted.' }],
});

export const Health = z
  .object({ status: z.literal('up') })
  .meta({ id: 'Health', description: 'The process is up.', examples: [{ status: 'up' }] });

const part = z.enum(['up', 'down']);

export const Ready = z
  .object({
    status: z.enum(['ready', 'not_ready']),
    database: part,
    queue: part,
    queue_backend: z.enum(['postgresql', 'redis']),
    foreign_installations: z.int().min(1).optional().meta({
      description: 'Other installations of Muster that use the same Redis. Their queues are apart.',
    }),
  })
  .meta({
    id: 'Ready',
    description: 'Whether the service can do its work, one by one.',
    examples: [{ status: 'ready', database: 'up', queue: 'up', queue_backend: 'postgresql' }],
  });
