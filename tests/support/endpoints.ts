/** Every endpoint that a key opens, asked as a client would: answers are read to their end and not kept. */
import { type Cluster, KEY } from './cluster';

export interface EndpointCall {
  /** As the documentation names it. */
  name: string;
  method: string;
  /** @param jobId of a job that has ended, when there is one */
  path(jobId: string): string;
  headers?: Record<string, string>;
  body?: string;
}

const NDJSON = { Accept: 'application/x-ndjson' };
const JSON_BODY = { 'Content-Type': 'application/json' };
const job = (rest: string) => (jobId: string) => `/v1/background_jobs/${jobId}${rest}`;
const at = (path: string) => () => path;

export const ENDPOINT_CALLS: readonly EndpointCall[] = [
  { name: 'the health', method: 'GET', path: at('/healthz') },
  { name: 'whether it is ready', method: 'GET', path: at('/readyz') },
  { name: 'the metrics', method: 'GET', path: at('/metrics') },
  { name: 'the environment', method: 'GET', path: at('/v1/environment') },
  { name: 'a user', method: 'GET', path: at('/v1/users/fat-0') },
  { name: 'a page of users', method: 'GET', path: at('/v1/users?limit=600') },
  { name: 'all users', method: 'GET', path: at('/v1/users'), headers: NDJSON },
  { name: 'a page of companies', method: 'GET', path: at('/v1/companies') },
  { name: 'the properties', method: 'GET', path: at('/v1/properties') },
  { name: 'a page of jobs', method: 'GET', path: at('/v1/background_jobs?limit=100') },
  { name: 'jobs with a user', method: 'GET', path: at('/v1/background_jobs?user_id=fat-0') },
  { name: 'a job', method: 'GET', path: job('') },
  { name: 'a job, waited for', method: 'GET', path: job('?wait=1') },
  { name: 'its events', method: 'GET', path: job('/events') },
  { name: 'its warnings', method: 'GET', path: job('/warnings') },
  { name: 'its failed rows', method: 'GET', path: job('/results?outcome=failed') },
  { name: 'its failed rows as they came', method: 'GET', path: job('/results?outcome=failed&as=input') },
  {
    name: 'its failed rows as CSV',
    method: 'GET',
    path: job('/results?outcome=failed'),
    headers: { Accept: 'text/csv' },
  },
  { name: 'cancel', method: 'POST', path: job('/cancel') },
  { name: 'retry', method: 'POST', path: job('/retry') },
  {
    name: 'a dry run',
    method: 'POST',
    path: at('/v1/users/bulk_identify?dry_run=true'),
    headers: JSON_BODY,
    body: '[{"user_id":"dry"}]',
  },
  {
    name: 'an import',
    method: 'POST',
    path: at('/v1/users/bulk_identify'),
    headers: JSON_BODY,
    body: '[{"user_id":"small"}]',
  },
  {
    name: 'an erasure',
    method: 'DELETE',
    path: at('/v1/users'),
    headers: JSON_BODY,
    body: '{"users":["r-1","fat-1"]}',
  },
];

/** What an endpoint answered. */
export interface EndpointAnswer {
  name: string;
  status: number;
  bytes: number;
  ms: number;
  /** The job that was made, if one was. */
  jobId?: string;
}

/** No answer is waited for longer than this. */
const ANSWER_TIMEOUT_MS = 60_000;

/** Asks one endpoint. @throws TypeError when the connection is cut before the answer has ended */
export async function callEndpoint(
  cluster: Cluster,
  { name, method, path, headers, body }: EndpointCall,
  jobId: string,
): Promise<EndpointAnswer> {
  const startedMs = performance.now();
  const answer = await fetch(cluster.api().url + path(jobId), {
    method,
    headers: { Authorization: `Token ${KEY}`, ...headers },
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    ...(body === undefined ? {} : { body }),
  });
  let bytes = 0;
  for await (const chunk of answer.body ?? []) bytes += chunk.length;
  const location = answer.status === 202 ? answer.headers.get('location') : null;
  const made = location === null ? undefined : location.split('/').at(-1);
  return {
    name,
    status: answer.status,
    bytes,
    ms: performance.now() - startedMs,
    ...(made === undefined ? {} : { jobId: made }),
  };
}
