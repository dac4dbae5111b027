/** Query parameters of the addresses under /v1/background_jobs. */
import { z } from 'zod';
import type { Dialect } from '#dialect/dialect';
import { ENTITIES, type Entity } from '#job/entity';
import { RESULT_OUTCOMES } from '#job/outcome';
import { onBusy } from '../imports/parameters';
import { cursor, flag, limit, storableText, wholeNumber } from '../parameters';

const MAX_WAIT_SECONDS = 60;

/** @param dialect whose states can be asked for */
export const listJobsParameters = ({ statuses }: Pick<Dialect, 'statuses'>) => ({
  limit: limit(100, 20),
  status: z.enum(statuses).optional().meta({
    description: 'Only jobs in this state. Canceled jobs are shown, and found, as failed.',
  }),
  type: z
    .enum(Object.values(ENTITIES).map((traits) => traits.jobType))
    .transform((type) => entityOf(type))
    .optional()
    .meta({ description: 'Only imports of users, or of companies.' }),
  user_id: storableText.optional().meta({
    description:
      'Only imports that had a row of this user. They are looked for among the jobs of the page, so that a page may have ' +
      'fewer jobs than limit, or none, and yet a next one.',
  }),
  company_id: storableText.optional().meta({
    description:
      'Only imports of companies that had a row of this one, in the same way. Not together with user_id.',
  }),
  cursor: cursor(),
});

/** What a cursor of the list of jobs holds: the last job of the page. */
export const LISTED_JOB = z.object({
  at: z.iso.datetime().transform((text) => new Date(text)),
  id: z.uuid(),
});

export const READ_JOB_PARAMETERS = {
  wait: wholeNumber(0, MAX_WAIT_SECONDS).optional().meta({
    description:
      'Seconds to wait for the status to change; with If-None-Match, for the job to differ from that ETag.',
  }),
};

export const WARNINGS_PARAMETERS = {
  limit: limit(1_000, 100),
  cursor: cursor(),
};

/** The same of a job's warnings: the key of the last one. */
export const LISTED_WARNING = z.tuple([storableText, storableText, storableText]);

export const RESULTS_PARAMETERS = {
  outcome: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(RESULT_OUTCOMES)).min(1))
    .optional()
    .meta({
      description: 'Only rows with one of these outcomes, comma-separated.',
      type: 'array',
      items: { type: 'string', enum: [...RESULT_OUTCOMES] },
      param: { style: 'form', explode: false },
    }),
  as: z.enum(['results', 'input']).default('results').meta({
    description: 'input: the rows themselves as they were sent, ready to be fixed and sent again.',
  }),
  values: flag().meta({
    description: 'Adds to each error the beginning of the value that it is about, at most 60 characters.',
  }),
  with_errors: flag().meta({
    description:
      'With as=input and a table: a last column muster_error says why a row failed. An import of the file leaves it out.',
  }),
};

export const RETRY_PARAMETERS = { on_busy: onBusy };

function entityOf(jobType: string): Entity | undefined {
  return (Object.keys(ENTITIES) as Entity[]).find((entity) => ENTITIES[entity].jobType === jobType);
}
