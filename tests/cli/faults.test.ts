/** An import goes on through restarts of the server and broken connections, and every row arrives once. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Store } from '#store/client';
import { asOwner, createDatabase, dropDatabase } from '../support/database';
import { type Muster, startMuster, unique } from '../support/muster';
import { killAll, startProcess } from '../support/processes';
import { startTcpProxy } from '../support/tcp-proxy';
import { addThrottled } from '../support/throttled';
import { waitFor } from '../support/wait';
import { makeHome, runCli, startCli } from './support/run-cli';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());
afterEach(killAll);

function writeRows(id: string, rows: number, each = (n: number) => `{"user_id":"${id}-${n}"}`) {
  const home = makeHome();
  const file = path.join(home, 'users.ndjson');
  writeFileSync(file, Array.from({ length: rows }, (_, n) => `${each(n)}\n`).join(''));
  return { home, file };
}

/** How many rows have an outcome, and how many at most have the same id. */
async function outcomes(id: string, pool = muster.store.pool): Promise<{ rows: number; most: number }> {
  const { rows } = await pool.query(
    `SELECT coalesce(sum(times), 0)::int AS rows, coalesce(max(times), 0)::int AS most
     FROM (SELECT count(*) AS times FROM row_results WHERE id LIKE $1 GROUP BY id) ids`,
    [`${id}-%`],
  );
  return rows[0];
}

const timesIn = (text: string, words: string) => text.split(words).length - 1;

it('connections that break again and again are made up for', async () => {
  const id = unique();
  const { home, file } = writeRows(id, 1_000);
  const key = await addThrottled(muster, 6_000);
  const proxy = await startTcpProxy(Number(new URL(muster.url).port));
  const cli = startCli(['import', file, '--batch-rows', '100'], {
    url: `http://127.0.0.1:${proxy.port}`,
    apiKey: key,
    home,
  });
  let seen = '';
  cli.child.stderr?.on('data', (chunk: Buffer) => (seen += chunk.toString('utf8')));
  // The last is five seconds of the throttle before the end.
  for (let n = 1; n <= 5; n++) {
    await waitFor(`${n * 100} rows`, async () => (await outcomes(id)).rows >= n * 100, 60_000);
    const before = timesIn(seen, 'Trying again');
    await waitFor('a request to be broken', () => {
      if (timesIn(seen, 'Trying again') > before) return true;
      proxy.cut();
      return false;
    });
  }
  const run = await cli.ended;
  await proxy.close();
  expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining('1,000 created') });
  expect(await outcomes(id)).toEqual({ rows: 1_000, most: 1 });
}, 120_000);

/** How often the server is killed within a request; more are measured with KILLED_POSTS=20. */
const KILLS = Number(process.env.KILLED_POSTS ?? 3);

/** First number of the locks that hold the making of jobs up; the second is how many jobs there are. */
const HELD = 4711;
const HOLD_INSERTS = `
  CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_advisory_xact_lock(${HELD}, (SELECT count(*) FROM jobs)::int);
    RETURN NEW;
  END $$;
  CREATE TRIGGER hold BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION hold()`;

async function isHeld({ pool }: Store, jobs: number): Promise<boolean> {
  const { rows } = await pool.query(
    "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND classid = $1 AND objid = $2",
    [HELD, jobs],
  );
  return rows.length > 0;
}

const countJobs = async ({ pool }: Store) => (await pool.query('SELECT FROM jobs')).rows.length;

it('an import whose server is killed within a POST goes on within 5 s of the restart', async () => {
  const id = unique();
  const { home, file } = writeRows(id, (KILLS + 1) * 100);
  const databaseUrl = await createDatabase();
  const settings = { DATABASE_URL: databaseUrl, API_KEY: muster.key, USERS_PER_MINUTE: '0' };
  const store = await startMigrated(databaseUrl);
  let api = await startProcess('api', settings);
  await startProcess('worker', settings);
  const blocker = await store.pool.connect();
  await asOwner(databaseUrl, HOLD_INSERTS);
  await blocker.query('SELECT pg_advisory_lock($1, n) FROM generate_series(0, $2) n', [HELD, KILLS - 1]);
  const cli = startCli(['import', file, '--batch-rows', '100'], { url: api.url, apiKey: muster.key, home });
  const recoveriesMs: number[] = [];
  for (let n = 0; n < KILLS; n++) {
    await waitFor(`request ${n + 1} to be about to make its job`, async () => isHeld(store, n), 60_000);
    await api.end('SIGKILL');
    await blocker.query('SELECT pg_advisory_unlock($1, $2)', [HELD, n]);
    api = await startProcess('api', { ...settings, PORT: new URL(api.url).port });
    const startedMs = performance.now();
    await waitFor(`job ${n + 1}`, async () => (await countJobs(store)) > n, 60_000);
    recoveriesMs.push(performance.now() - startedMs);
  }
  expect(await cli.ended).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`${((KILLS + 1) * 100).toLocaleString('en')} created, 0 updated`),
  });
  expect(await outcomes(id, store.pool)).toEqual({ rows: (KILLS + 1) * 100, most: 1 });
  expect(await countJobs(store)).toBe(KILLS + 1);
  if (process.env.KILLED_POSTS !== undefined) {
    process.stderr.write(`went on after ${recoveriesMs.map((ms) => Math.round(ms)).join(', ')} ms\n`);
  }
  expect(recoveriesMs.filter((ms) => ms > 5_000)).toEqual([]);
  blocker.release();
  await store.close();
  killAll();
  await dropDatabase(databaseUrl);
}, 600_000);

it('a server that stays away ends it with 4, and the import goes on when it is back', async () => {
  const id = unique();
  const { home, file } = writeRows(id, 600);
  const key = await addThrottled(muster, 6_000);
  const proxy = await startTcpProxy(Number(new URL(muster.url).port));
  const access = { url: `http://127.0.0.1:${proxy.port}`, apiKey: key, home };
  const cli = startCli(['import', file, '--batch-rows', '100', '--retries', '1'], access);
  await waitFor('the first part', async () => (await outcomes(id)).rows >= 100, 60_000);
  const { targetPort } = proxy;
  proxy.targetPort = 1;
  proxy.cut();
  expect(await cli.ended).toMatchObject({ code: 4, stderr: expect.stringContaining('--resume') });
  proxy.targetPort = targetPort;
  expect(await runCli(['import', '--resume'], access)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('600 created, 0 updated'),
  });
  await proxy.close();
  expect(await outcomes(id)).toEqual({ rows: 600, most: 1 });
}, 120_000);

it('failed rows stand in the error file once each, in order, however often the import is killed', async () => {
  const id = unique();
  const bad = (n: number) =>
    n % 3 === 0 ? `{"user_id":"${id}-${n}","metadata":[${n}]}` : `{"user_id":"${id}-${n}"}`;
  const { home, file } = writeRows(id, 1_500, bad);
  const key = await addThrottled(muster, 6_000);
  const access = { url: muster.url, apiKey: key, home };
  const errors = path.join(home, 'failed.ndjson');
  let words = ['import', file, '--batch-rows', '100', '--errors', errors];
  // The last is three seconds of the throttle before the end.
  for (const least of [140, 380, 660, 1_000]) {
    const { child, ended } = startCli(words, access);
    words = ['import', '--resume'];
    await waitFor(`${least} rows`, async () => (await outcomes(id)).rows >= least, 60_000);
    child.kill('SIGKILL');
    await ended;
  }
  expect((await runCli(words, access)).code).toBe(2);
  const expected = Array.from({ length: 500 }, (_, n) => bad(3 * n));
  expect(readFileSync(errors, 'utf8').trimEnd().split('\n')).toEqual(expected);
  const reasons = readFileSync(`${errors}.reasons`, 'utf8').trimEnd().split('\n');
  expect(reasons.map((line) => JSON.parse(line).row)).toEqual(
    Array.from({ length: 500 }, (_, n) => 3 * n + 1),
  );
}, 120_000);

it('a busy slot is waited out', async () => {
  const key = await addThrottled(muster, 600);
  const before = await muster
    .post(undefined, key)
    .send(Array.from({ length: 30 }, (_, n) => ({ user_id: `u${n}` })))
    .expect(202);
  const { home, file } = writeRows(unique(), 2);
  const run = await runCli(['import', file], { url: muster.url, apiKey: key, home });
  expect(run).toMatchObject({ code: 0, stderr: expect.stringContaining(before.body.job_id) });
});

/** A database with its tables and the key of the environment `default`. */
async function startMigrated(databaseUrl: string): Promise<Store> {
  const { ensureEnvironment, ensureKey } = await import('#store/api-keys');
  const { openStore } = await import('#store/client');
  const { createLogger } = await import('#logger');
  const store = openStore({ databaseUrl, connections: 3, logger: createLogger('test', 'silent') });
  await ensureKey(store, await ensureEnvironment(store, 'default'), muster.key);
  return store;
}
