/**
 * What Userpilot's wire answers, as zod schemas with descriptions and examples: the job of its OpenAPI document (response
 * 202) with the fields of our own, and error bodies. write-job and write-error write them; the reference is made from them.
 */
import { z } from 'zod';
import { ERRORS, type ErrorCode as ErrorCodeName } from '#errors';
import { ENTITIES } from '#job/entity';
import { JOB_ERRORS } from '#job/job';
import { WARNING_CODES } from '#job/observations';
import { ROW_ERRORS, type RowErrorCode as RowErrorCodeName } from '#job/outcome';
import { WIRE_STATUSES } from './status';

const time = z.iso.datetime();
const count = z.int().min(0);

/** Keys of a table, as zod wants an enum's values. */
function codesOf<Code extends string>(table: Readonly<Record<Code, unknown>>): [Code, ...Code[]] {
  return Object.keys(table) as [Code, ...Code[]];
}

export const JobStatus = z.enum(WIRE_STATUSES).meta({
  id: 'JobStatus',
  description:
    'State of a job, Userpilot’s closed list. completed and failed are final. A canceled job is failed with error.code canceled.',
});

export const JobWarning = z
  .object({
    code: z.enum(WARNING_CODES),
    path: z
      .string()
      .meta({ description: 'Where in the rows, such as metadata.age, or which column of the file.' }),
    rows: count.meta({ description: 'Number of rows that it concerns.' }),
    ids: count.optional().meta({ description: 'Of repeated_ids and similar_ids: how many ids.' }),
    message: z.string(),
  })
  .meta({
    id: 'JobWarning',
    description:
      'Something that was accepted and may still be a mistake. A job has at most 100, in a list of jobs 10; of more the last one is more_warnings, whose message begins with their number.',
    examples: [
      {
        code: 'type_changed',
        path: 'metadata.age',
        rows: 12,
        message: 'The property was Numeric and is now also String.',
      },
    ],
  });

export const JobError = z
  .object({
    code: z.enum(codesOf(JOB_ERRORS)),
    message: z.string(),
  })
  .meta({ id: 'JobError', description: 'Why a job as a whole failed.' });

export const Job = z
  .object({
    job_id: z.uuid(),
    type: z.enum(Object.values(ENTITIES).map((traits) => traits.jobType)),
    status: JobStatus,
    submitted_at: time,
    start_time: time.meta({ description: 'When work began; until then, when the job was submitted.' }),
    end_time: time.nullable().meta({ description: 'Null until the job has ended.' }),
    elapsed_time: count.meta({ description: 'Whole seconds from start_time to end_time, or to now.' }),
    filename: z.string().meta({ description: 'Base name of the uploaded file; empty for a plain body.' }),
    file_size: count.meta({ description: 'Bytes of the file or body, after decompression.' }),
    links: z.url().meta({ description: 'Where this job is found.' }),
    total_rows: count,
    completed_rows: count.meta({ description: 'created + updated + unchanged + failed; never falls.' }),
    created_rows: count,
    updated_rows: count,
    unchanged_rows: count.meta({ description: 'Rows that would not have changed what is stored.' }),
    failed_rows: count,
    eta_seconds: count.meta({ description: 'Honest whole seconds until the job ends; 0 when it has ended.' }),
    queue_position: z.int().min(1).nullable().meta({
      description: '1 = next; null unless the job waits for its turn (on_busy=queue).',
    }),
    warnings: z.array(JobWarning),
    error: z.union([JobError, z.null()]),
    dry_run: z.boolean(),
    parent_job_id: z.uuid().nullable().meta({ description: 'The job whose rows this one tries again.' }),
  })
  .meta({
    id: 'Job',
    description: 'An import, from its acceptance to its end. Times are ISO 8601 in UTC with milliseconds.',
    examples: [
      {
        job_id: '9536d797-7039-4d30-8c11-ac437367d732',
        type: 'bulk_identify_users',
        status: 'processing',
        submitted_at: '2026-02-02T12:34:56.000Z',
        start_time: '2026-02-02T12:34:56.000Z',
        end_time: null,
        elapsed_time: 12,
        filename: 'users.ndjson',
        file_size: 2860386,
        links: 'http://127.0.0.1:3000/v1/background_jobs/9536d797-7039-4d30-8c11-ac437367d732',
        total_rows: 10000,
        completed_rows: 360,
        created_rows: 200,
        updated_rows: 100,
        unchanged_rows: 55,
        failed_rows: 5,
        eta_seconds: 322,
        queue_position: null,
        warnings: [],
        error: null,
        dry_run: false,
        parent_job_id: null,
      },
    ],
  });

export const ErrorCode = z.enum(codesOf<ErrorCodeName>(ERRORS)).meta({
  id: 'ErrorCode',
  description: 'Every error that is answered; /docs/errors explains each.',
});

export const RowErrorCode = z.enum(codesOf<RowErrorCodeName>(ROW_ERRORS)).meta({
  id: 'RowErrorCode',
  description: 'Every reason for which a row can fail; /docs/errors explains each.',
});

export const ErrorBody = z
  .object({
    type: z.string().meta({ description: 'Address of the explanation: /docs/errors#code.' }),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string().meta({ description: 'What went wrong. Never quotes what was sent.' }),
    request_id: z.string().meta({ description: 'The X-Request-Id of this answer; it is in the log, too.' }),
    errors: z
      .array(
        z.object({
          error_code: z.union([ErrorCode, RowErrorCode]).meta({
            description: 'Of row_refused: the fault of the row, with its place as details.',
          }),
          error: z.string(),
          message: z.string(),
          details: z.string().meta({ description: 'More about this case; may be empty.' }),
        }),
      )
      .min(1),
  })
  .meta({
    id: 'ErrorBody',
    description:
      'Userpilot’s list of errors and the members of RFC 9457 in one object. As application/problem+json when Accept asks for it.',
  });
