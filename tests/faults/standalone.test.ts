/** What was answered with 202 reaches its end with exact counts, whichever process is killed in the middle. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createDatabase, dropDatabase } from '../support/database';
import type { WireJob } from '../support/muster';
import { killAll, type Running, startProcess } from '../support/processes';
import { waitFor } from '../support/wait';

const KEY = 'key-for-the-fault-tests';
const ROWS = 300;
const IDS = 250;

/** Rows whose ids come again near the end, each with its row number, so that order shows. */
const NDJSON = Array.from({ length: ROWS }, (_, n) =>
  JSON.stringify({ user_id: `u${n % IDS}`, metadata: { row: n + 1 } }),
).join('\n');

async function postImport(url: string): Promise<WireJob> {
  const form = new FormData();
  form.set('file', new Blob([NDJSON]), 'users.ndjson');
  const answer = await fetch(`${url}/v1/users/bulk_identify`, {
    method: 'POST',
    headers: { Authorization: `Token ${KEY}` },
    body: form,
  });
  expect(answer.status).toBe(202);
  return (await answer.json()) as WireJob;
}

async function readJob(url: string, id: string): Promise<WireJob> {
  const answer = await fetch(`${url}/v1/background_jobs/${id}`, {
    headers: { Authorization: `Token ${KEY}` },
  });
  return (await answer.json()) as WireJob;
}

/** Polls to the end; what a client sees never goes back. */
async function watchToEnd(url: string, id: string): Promise<WireJob> {
  let before = 0;
  return waitFor(
    'the end of the job',
    async () => {
      const job = await readJob(url, id);
      expect(job.completed_rows).toBeGreaterThanOrEqual(before);
      before = job.completed_rows;
      return job.end_time !== null && job;
    },
    60_000,
  );
}

function waitForRows(url: string, id: string, rows: number): Promise<WireJob> {
  return waitFor(`${rows} rows`, async () => {
    const job = await readJob(url, id);
    return job.completed_rows >= rows && job;
  });
}

/** Nothing lost, doubled, stale or unexpected; counters as if nothing had happened. */
async function expectExactly(databaseUrl: string, job: WireJob): Promise<void> {
  expect(job).toMatchObject({
    status: 'completed',
    total_rows: ROWS,
    completed_rows: ROWS,
    created_rows: IDS,
    updated_rows: ROWS - IDS,
    failed_rows: 0,
  });
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows: users } = await client.query("SELECT user_id, metadata->'row' AS row FROM users");
  const { rows: results } = await client.query('SELECT row FROM row_results ORDER BY row');
  await client.end();
  const last = new Map(Array.from({ length: ROWS }, (_, n) => [`u${n % IDS}`, n + 1]));
  expect(new Map(users.map(({ user_id, row }) => [user_id, row]))).toEqual(last);
  expect(results.map(({ row }) => row)).toEqual(Array.from({ length: ROWS }, (_, n) => n + 1));
}

describe.each(['postgresql', 'redis'] as const)('with the queue on %s', (backend) => {
  const databases: string[] = [];
  afterEach(killAll);
  afterAll(async () => {
    for (const url of databases) await dropDatabase(url);
  });

  async function settingsFor(usersPerMinute: number): Promise<Record<string, string>> {
    const url = await createDatabase();
    databases.push(url);
    const redis = { REDIS_URL: `${process.env.TEST_REDIS_URL}/${900 + databases.length}` };
    return {
      DATABASE_URL: url,
      API_KEY: KEY,
      USERS_PER_MINUTE: String(usersPerMinute),
      ...(backend === 'redis' ? redis : {}),
    };
  }

  it('an import survives three kills of its worker at different points', async () => {
    const settings = await settingsFor(6000);
    const api = await startProcess('api', settings);
    let worker = await startProcess('worker', settings);
    const { job_id } = await postImport(api.url);
    for (const rows of [1, 120, 220]) {
      await waitForRows(api.url, job_id, rows);
      await worker.end('SIGKILL');
      worker = await startProcess('worker', settings);
    }
    await expectExactly(settings.DATABASE_URL ?? '', await watchToEnd(api.url, job_id));
  });

  it('another worker goes on within 15 s when one is killed', async () => {
    const settings = await settingsFor(3000);
    const api = await startProcess('api', settings);
    const workers: Running[] = [
      await startProcess('worker', settings),
      await startProcess('worker', settings),
    ];
    const { job_id } = await postImport(api.url);
    const { completed_rows } = await waitForRows(api.url, job_id, 50);
    await workers[0]?.end('SIGKILL');
    const killedAt = Date.now();
    await waitForRows(api.url, job_id, Math.min(ROWS, completed_rows + 60));
    expect(Date.now() - killedAt).toBeLessThan(15_000);
    await expectExactly(settings.DATABASE_URL ?? '', await watchToEnd(api.url, job_id));
  });

  it('a worker that is asked to end finishes its slice, exits with 0 within 10 s, and the next one goes on', async () => {
    const settings = await settingsFor(6000);
    const api = await startProcess('api', settings);
    const worker = await startProcess('worker', settings);
    const { job_id } = await postImport(api.url);
    await waitForRows(api.url, job_id, 50);
    const askedAt = Date.now();
    expect(await worker.end('SIGTERM')).toBe(0);
    expect(Date.now() - askedAt).toBeLessThan(10_000);
    await startProcess('worker', settings);
    await expectExactly(settings.DATABASE_URL ?? '', await watchToEnd(api.url, job_id));
  });

  it('an API killed right after its 202 has lost nothing', async () => {
    const settings = await settingsFor(0);
    const api = await startProcess('api', settings);
    const { job_id } = await postImport(api.url);
    await api.end('SIGKILL');
    const next = await startProcess('api', settings);
    expect(await readJob(next.url, job_id)).toMatchObject({ status: 'queued' });
    await startProcess('worker', settings);
    await expectExactly(settings.DATABASE_URL ?? '', await watchToEnd(next.url, job_id));
  });
});

describe('the standalone service', () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'muster-standalone-'));
  afterAll(() => {
    killAll();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('goes on where it was when it is killed in the middle and started again on its data', async () => {
    const settings = { DATA_DIR: dataDir, API_KEY: KEY, USERS_PER_MINUTE: '6000' };
    const first = await startProcess('standalone', settings);
    const { job_id } = await postImport(first.url);
    await waitForRows(first.url, job_id, 100);
    await first.end('SIGKILL');
    const second = await startProcess('standalone', settings);
    const job = await watchToEnd(second.url, job_id);
    const password = readFileSync(path.join(dataDir, 'postgres-password'), 'utf8').trim();
    const port = readFileSync(path.join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[3];
    await expectExactly(`postgresql://postgres:${password}@127.0.0.1:${port}/muster`, job);
    expect(await second.end('SIGTERM')).toBe(0);
  });
});
