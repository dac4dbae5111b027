/** Reference of the addresses under /v1/background_jobs. */
import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { userpilot } from '#dialect/userpilot/dialect';
import { Job, JobWarning } from '#dialect/userpilot/schemas';
import {
  listJobsParameters,
  READ_JOB_PARAMETERS,
  RESULTS_PARAMETERS,
  RETRY_PARAMETERS,
  WARNINGS_PARAMETERS,
} from '../../jobs/parameters';
import { errors, eventsOf, headers, linesOf } from '../answers';
import { ROW_RESULTS, toNdjson } from '../examples';

const PATH = '/v1/background_jobs/{job_id}';
const params = z.object({
  job_id: z.string().meta({
    description: 'The uuid, or bulk:jobs:{environment}:{uuid}.',
    examples: ['9536d797-7039-4d30-8c11-ac437367d732'],
  }),
});
const job = { 'application/json': { schema: Job } };

const list: RouteConfig = {
  method: 'get',
  path: '/v1/background_jobs',
  operationId: 'list_jobs',
  tags: ['Jobs', 'Userpilot'],
  summary: 'List jobs, newest first',
  description: 'Follow `Link` to the next page until it is absent.',
  request: { query: z.object(listJobsParameters(userpilot)) },
  responses: {
    200: {
      description: 'One page of jobs.',
      headers: headers('Link'),
      content: { 'application/json': { schema: z.array(Job) } },
    },
    ...errors(),
  },
};

const read: RouteConfig = {
  method: 'get',
  path: PATH,
  operationId: 'read_job',
  tags: ['Jobs', 'Userpilot'],
  summary: 'Read a job, or wait until it changes',
  description:
    'Poll until `end_time` is set; `Retry-After` says when to ask again. With `wait` the answer comes when the status changes or the time is over; with `If-None-Match` as soon as the job differs from that version.',
  request: {
    params,
    query: z.object(READ_JOB_PARAMETERS),
    headers: z.object({
      'If-None-Match': z.string().optional().meta({ description: 'The ETag of an earlier answer.' }),
    }),
  },
  responses: {
    200: { description: 'The job.', headers: headers('ETag', 'Retry-After'), content: job },
    304: { description: 'The job is as it was.', headers: headers('ETag', 'Retry-After') },
    ...errors('invalid_request', 'job_not_found'),
  },
};

const results: RouteConfig = {
  method: 'get',
  path: `${PATH}/results`,
  operationId: 'read_results',
  tags: ['Jobs'],
  summary: 'What became of each row',
  description: `In the order of the rows, one for each, as NDJSON; as CSV when Accept asks for it.
With \`as=input\` the rows as they were sent, byte for byte: NDJSON, or the CSV with its header for an uploaded CSV.`,
  request: { params, query: z.object(RESULTS_PARAMETERS) },
  responses: {
    200: {
      description: 'One RowResult a line, or the rows that were sent.',
      headers: headers(),
      content: {
        'application/x-ndjson': linesOf('RowResult', toNdjson(ROW_RESULTS)),
        'text/csv': {
          schema: { type: 'string' },
          example:
            'row,line,id,outcome,erased,error_codes,error_messages\n1,1,user_001,created,false,,\n2,2,,failed,false,id_missing,user_id: The row has no id.\n',
        },
      },
    },
    ...errors('invalid_request', 'job_not_found'),
  },
};

const warnings: RouteConfig = {
  method: 'get',
  path: `${PATH}/warnings`,
  operationId: 'list_job_warnings',
  tags: ['Jobs'],
  summary: 'List all warnings of a job',
  description: 'The job object has the first 100 of them. Sorted by code and path.',
  request: { params, query: z.object(WARNINGS_PARAMETERS) },
  responses: {
    200: {
      description: 'One page of warnings.',
      headers: headers('Link'),
      content: { 'application/json': { schema: z.array(JobWarning) } },
    },
    ...errors('invalid_request', 'job_not_found'),
  },
};

const events: RouteConfig = {
  method: 'get',
  path: `${PATH}/events`,
  operationId: 'watch_job',
  tags: ['Jobs'],
  summary: 'Watch a job to its end',
  description:
    'Server-Sent Events: one on every change, its data the job; the stream ends after the final one. Every event is named `job`: listen with `addEventListener("job", ...)`, because `onmessage` gets none. A browser’s EventSource cannot send a key: open it through a server of yours that adds the `Authorization` header, or read the stream with fetch and eventsource-parser. After the final event EventSource reconnects once, is answered 204, and stops.',
  request: {
    params,
    headers: z.object({
      'Last-Event-ID': z.string().optional().meta({ description: 'Id of the last event that was seen.' }),
    }),
  },
  responses: {
    200: {
      description: 'The events; the data of each is a Job.',
      headers: headers(),
      content: { 'text/event-stream': eventsOf('Job') },
    },
    204: {
      description: 'Last-Event-ID was the final one: there is nothing more to come.',
      headers: headers(),
    },
    ...errors('invalid_request', 'job_not_found'),
  },
};

const cancel: RouteConfig = {
  method: 'post',
  path: `${PATH}/cancel`,
  operationId: 'cancel_job',
  tags: ['Jobs'],
  summary: 'Cancel a job',
  description: 'No row is written after the answer. Rows that were applied before stay.',
  request: { params },
  responses: {
    202: { description: 'The job, now failed with error.code canceled.', headers: headers(), content: job },
    ...errors('invalid_request', 'forbidden', 'job_not_found', 'job_finished'),
  },
};

const retry: RouteConfig = {
  method: 'post',
  path: `${PATH}/retry`,
  operationId: 'retry_job',
  tags: ['Jobs'],
  summary: 'Try failed and unprocessed rows again',
  description:
    'Creates a job of the failed and unprocessed rows of a finished one; nothing is uploaded again.',
  request: { params, query: z.object(RETRY_PARAMETERS) },
  responses: {
    202: {
      description: 'A new job with these rows; parent_job_id names the old one.',
      headers: headers('Location'),
      content: job,
    },
    ...errors(
      'invalid_request',
      'forbidden',
      'job_not_found',
      'job_in_progress',
      'job_not_finished',
      'nothing_to_retry',
      'storage_full',
    ),
  },
};

export const jobRoutes: readonly RouteConfig[] = [list, read, results, warnings, events, cancel, retry];
