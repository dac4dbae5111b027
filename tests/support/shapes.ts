/**
 * Shapes of data within, and a little beyond, what the contract allows. Each is given to a cluster by an environment that
 * means no harm, or means some.
 */
import http from 'node:http';
import net from 'node:net';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type Cluster, KEY } from './cluster';
import { waitFor } from './wait';

export interface Shape {
  name: string;
  /**
   * Brings the cluster into this shape.
   * @returns the jobs that were accepted, and what ends the shape when something stays open
   */
  make(cluster: Cluster, isLong: boolean): Promise<{ jobs: string[]; end?: () => void }>;
}

const MB = 1024 * 1024;
const UPLOAD_BYTES = 50 * MB - 4_096;

/** Longer than a job of any shape may take here. */
const JOB_TIMEOUT_MS = 300_000;

interface Body {
  content: string | Buffer;
  type: string;
  headers?: Record<string, string>;
}

/** Imports a body and waits for the end. Returns the job's id; none when the body was refused by a 4xx. */
async function importBody(cluster: Cluster, { content, type, headers }: Body, query = ''): Promise<string[]> {
  const url = `${cluster.api().url}/v1/users/bulk_identify${query}`;
  const answer = await cluster.request('POST', url, {
    body: content as string,
    headers: { 'Content-Type': type, ...headers },
  });
  if (answer.status >= 500) throw new Error(`${answer.status} for an import`);
  if (answer.status !== 202) return [];
  const jobId = answer.body.job_id;
  await cluster.follow(jobId, { timeoutMs: JOB_TIMEOUT_MS });
  return [jobId];
}

const ndjson = (rows: unknown[]): Body => ({
  content: rows.map((row) => JSON.stringify(row)).join('\n'),
  type: 'application/x-ndjson',
});

/** 0.95 MB of metadata in strings of 60,000 characters. */
function fatMetadata(seed: number): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: 16 }, (_, n) => [`note_${n}`, `${seed}-${n}-`.padEnd(60_000, 'abcdefghij')]),
  );
}

/** Imports fat users, as many a file as it holds. */
async function importFatUsers(cluster: Cluster, count: number): Promise<string[]> {
  const jobs: string[] = [];
  for (let first = 0; first < count; first += 50) {
    const rows = Array.from({ length: Math.min(50, count - first) }, (_, n) => ({
      user_id: `fat-${first + n}`,
      metadata: fatMetadata(first + n),
    }));
    jobs.push(...(await importBody(cluster, ndjson(rows))));
  }
  return jobs;
}

export const SHAPES: readonly Shape[] = [
  {
    name: 'one row as large as a body, as NDJSON, JSON and CSV',
    async make(cluster, isLong) {
      const text = 'x'.repeat((isLong ? UPLOAD_BYTES : 20 * MB) - 1_000);
      const row = `{"user_id":"long","metadata":{"text":"${text}"}}`;
      return {
        jobs: [
          ...(await importBody(cluster, { content: row, type: 'application/x-ndjson' })),
          ...(await importBody(cluster, {
            content: `[${row},{"user_id":"short"}]`,
            type: 'application/json',
          })),
          ...(await importBody(cluster, { content: `user_id,text\nlong,"${text}"\n`, type: 'text/csv' })),
        ],
      };
    },
  },
  {
    name: 'users of 0.95 MB, then one small key of each',
    async make(cluster, isLong) {
      const users = isLong ? 1_000 : 100;
      const jobs = await importFatUsers(cluster, users);
      const touch = Array.from({ length: users }, (_, n) => ({
        user_id: `fat-${n}`,
        metadata: { plan: 'pro' },
      }));
      return { jobs: [...jobs, ...(await importBody(cluster, ndjson(touch)))] };
    },
  },
  {
    name: 'one id 10,000 times upon 0.95 MB',
    async make(cluster) {
      const jobs = await importFatUsers(cluster, 1);
      const rows = Array.from({ length: 10_000 }, (_, n) => ({ user_id: 'fat-0', metadata: { n } }));
      return { jobs: [...jobs, ...(await importBody(cluster, ndjson(rows)))] };
    },
  },
  {
    name: '10,000 keys of metadata, and 10,000 unknown ones of 256 characters',
    async make(cluster) {
      const keys = (row: number, count: number, prefix: string) =>
        Object.fromEntries(
          Array.from({ length: count }, (_, n) => [`${prefix}_${row}_${n}`.padEnd(256, '-'), n]),
        );
      const rows = Array.from({ length: 10 }, (_, n) => ({
        user_id: `keys-${n}`,
        metadata: keys(n, 1_000, 'known'),
        ...keys(n, 1_000, 'unknown'),
      }));
      return { jobs: await importBody(cluster, ndjson(rows)) };
    },
  },
  {
    name: 'results of many jobs, generated',
    async make(cluster, isLong) {
      const jobs = await importBody(cluster, ndjson([{ user_id: 'r-1' }]));
      // As many jobs with as many rows as requests may have: made by the database, which takes minutes as it is.
      await cluster.query(
        `WITH made AS (
           INSERT INTO jobs SELECT (jsonb_populate_record(j, jsonb_build_object('id', gen_random_uuid(), 'total_rows', 10000,
             'created_rows', 10000, 'submitted_at', j.submitted_at - n * interval '1 minute'))).*
           FROM jobs j, generate_series(1, $2::int) n WHERE j.id = $1
           RETURNING id, environment_id)
         INSERT INTO row_results (environment_id, job_id, row, id, outcome)
         SELECT environment_id, id, n, 'r-' || n, 'created' FROM made, generate_series(1, 10000) n`,
        [jobs[0], isLong ? 3_000 : 30],
      );
      return { jobs };
    },
  },
  {
    name: '520,000 columns',
    async make(cluster) {
      const columns = Array.from({ length: 520_000 }, (_, n) => `c${n}`).join(',');
      const body = { content: `user_id,${columns}\n${'u,1\n'.repeat(1_000)}`, type: 'text/csv' };
      return { jobs: await importBody(cluster, body) };
    },
  },
  {
    name: 'readers that never read',
    async make(cluster, isLong) {
      const jobs = await importFatUsers(cluster, isLong ? 300 : 60);
      const readers = Array.from({ length: 10 }, () => openReader(cluster, '/v1/users'));
      return { jobs, end: () => destroyAll(readers) };
    },
  },
  {
    name: 'uploads that stall within one long line',
    async make(cluster, isLong) {
      const uploads = await Promise.all(
        Array.from({ length: isLong ? 100 : 20 }, () => stallUpload(cluster, isLong ? 50 * MB : 20 * MB)),
      );
      return { jobs: [], end: () => destroyAll(uploads) };
    },
  },
  {
    name: 'gzip bombs',
    async make(cluster, isLong) {
      // In the thread pool: the cluster's connections go through this process.
      const content = await promisify(gzip)(Buffer.alloc(1_000 * MB, 'x'), { level: 9 });
      const bomb: Body = { content, type: 'application/x-ndjson', headers: { 'Content-Encoding': 'gzip' } };
      const jobs = await Promise.all(
        Array.from({ length: isLong ? 100 : 20 }, () => importBody(cluster, bomb)),
      );
      return { jobs: jobs.flat() };
    },
  },
];

function destroyAll(open: readonly { destroy(): unknown }[]): void {
  for (const one of open) one.destroy();
}

/** Asks for a collection as NDJSON and reads nothing of the answer. */
function openReader(cluster: Cluster, path: string): net.Socket {
  const { port } = new URL(cluster.api().url);
  const socket = net.connect(Number(port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.pause();
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token ${KEY}\r\nAccept: application/x-ndjson\r\n\r\n`,
  );
  return socket;
}

/** Sends one line without an end, as far as it is taken, and then nothing more. */
async function stallUpload(cluster: Cluster, bytes: number): Promise<http.ClientRequest> {
  const request = http.request(`${cluster.api().url}/v1/users/bulk_identify`, {
    method: 'POST',
    headers: { Authorization: `Token ${KEY}`, 'Content-Type': 'application/x-ndjson' },
  });
  let isAnswered = false;
  request
    .on('error', () => undefined)
    .on('response', () => {
      isAnswered = true;
    });
  const chunk = Buffer.alloc(MB, 'x');
  request.write('{"user_id":"stalled","metadata":{"text":"');
  for (let sent = 0; sent < bytes && !isAnswered; sent += chunk.length) {
    if (!request.write(chunk) && !(await isDrained(request, () => isAnswered))) break;
  }
  return request;
}

/** Whether the server has taken what was written within some seconds. */
async function isDrained(request: http.ClientRequest, isAnswered: () => boolean): Promise<boolean> {
  const empty = () => isAnswered() || request.destroyed || !request.writableNeedDrain;
  return waitFor('the upload to be taken', empty, 5_000).then(
    () => !isAnswered() && !request.destroyed,
    () => false,
  );
}
