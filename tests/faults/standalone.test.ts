/** The standalone service, which is API, worker and database in one, and what every process has in common. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import pg from 'pg';
import { fold, makeImport } from '../support/imports';
import type { WireJob } from '../support/muster';
import { killAll, startProcess } from '../support/processes';
import { waitFor } from '../support/wait';

const KEY = 'key-for-the-fault-tests';
const headers = { Authorization: `Token ${KEY}` };
const dataDir = mkdtempSync(path.join(tmpdir(), 'muster-standalone-'));

afterAll(() => {
  killAll();
  rmSync(dataDir, { recursive: true, force: true });
});

async function post(url: string, ndjson: string): Promise<WireJob> {
  const form = new FormData();
  form.set('file', new Blob([ndjson]), 'users.ndjson');
  const answer = await fetch(`${url}/v1/users/bulk_identify`, { method: 'POST', headers, body: form });
  expect(answer.status).toBe(202);
  return (await answer.json()) as WireJob;
}

const until = (url: string, id: string, isReached: (job: WireJob) => boolean) =>
  waitFor('the job', async () => {
    const answer = await fetch(`${url}/v1/background_jobs/${id}`, { headers });
    const job = (await answer.json()) as WireJob;
    return isReached(job) && job;
  });

async function storedUsers(): Promise<Map<string, number>> {
  const password = readFileSync(path.join(dataDir, 'postgres-password'), 'utf8').trim();
  const port = readFileSync(path.join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[3];
  const connectionString = `postgresql://postgres:${password}@127.0.0.1:${port}/muster`;
  const client = new pg.Client({ connectionString });
  await client.connect();
  const { rows } = await client.query("SELECT user_id, (metadata->>'row')::int AS row FROM users");
  await client.end();
  return new Map(rows.map(({ user_id, row }) => [user_id, row]));
}

it('F1: the standalone service, killed in the middle and started again on its data, goes on where it was', async () => {
  const settings = { DATA_DIR: dataDir, API_KEY: KEY, USERS_PER_MINUTE: '6000' };
  const upload = makeImport({ rows: 300, ids: 250 });
  const first = await startProcess('standalone', settings);
  const { job_id } = await post(first.url, upload.ndjson);
  await until(first.url, job_id, (job) => job.completed_rows >= 100);
  await first.end('SIGKILL');
  const second = await startProcess('standalone', settings);
  const job = await until(second.url, job_id, ({ end_time }) => end_time !== null);
  const { users, counts } = fold([upload]);
  expect(job).toMatchObject({ status: 'completed', completed_rows: 300, ...counts[0] });
  expect(await storedUsers()).toEqual(users);
  expect(await second.end('SIGTERM')).toBe(0);
});

it('F29: an error that nobody expected ends a process with 1, logged without its text', () => {
  const script = `require('./dist/apps/process.js').runProcess('broken', async () => {
    setImmediate(() => { throw new Error('zq7canary'); });
    return { close: async () => {} };
  })`;
  const { status, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr).toContain('unexpected error');
  expect(stderr).not.toContain('zq7canary');
});
