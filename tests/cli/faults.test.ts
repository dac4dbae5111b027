/** An import goes on through restarts of the server and broken connections, and every row arrives once. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { createDatabase, dropDatabase } from '../support/database';
import { type Muster, startMuster, unique } from '../support/muster';
import { killAll, startProcess } from '../support/processes';
import { startTcpProxy } from '../support/tcp-proxy';
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

it('connections that break again and again are made up for', async () => {
  const id = unique();
  const { home, file } = writeRows(id, 6_000);
  const proxy = await startTcpProxy(Number(new URL(muster.url).port));
  const cli = startCli(['import', file, '--batch-rows', '500'], {
    url: `http://127.0.0.1:${proxy.port}`,
    apiKey: muster.key,
    home,
  });
  const cutting = setInterval(() => proxy.cut(), 700);
  const run = await cli.ended;
  clearInterval(cutting);
  await proxy.close();
  expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining('6,000 created') });
  expect(run.stderr).toContain('Trying again');
  expect(await outcomes(id)).toEqual({ rows: 6_000, most: 1 });
}, 120_000);

it('a server that is killed and started again is waited for', async () => {
  const id = unique();
  const { home, file } = writeRows(id, 4_000);
  const databaseUrl = await createDatabase();
  const settings = { DATABASE_URL: databaseUrl, API_KEY: muster.key, USERS_PER_MINUTE: '120000' };
  await (await startMigrated(databaseUrl)).close();
  const first = await startProcess('api', settings);
  await startProcess('worker', settings);
  const access = { url: first.url, apiKey: muster.key, home };
  const cli = startCli(['import', file, '--batch-rows', '1000'], access);
  let seen = '';
  cli.child.stderr?.on('data', (chunk: Buffer) => (seen += chunk.toString('utf8')));
  await waitFor('the second part', async () => seen.includes('part 2'), 60_000);
  await first.end('SIGKILL');
  await waitFor('a retry', async () => seen.includes('Trying again'), 60_000);
  await startProcess('api', { ...settings, PORT: new URL(first.url).port });
  expect(await cli.ended).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('4,000 created, 0 updated'),
  });
  killAll();
  await dropDatabase(databaseUrl);
}, 120_000);

it('a server that stays away ends it with 4, and the import goes on when it is back', async () => {
  const id = unique();
  const { home, file } = writeRows(id, 3_000);
  const proxy = await startTcpProxy(Number(new URL(muster.url).port));
  const access = { url: `http://127.0.0.1:${proxy.port}`, apiKey: muster.key, home };
  const cli = startCli(['import', file, '--batch-rows', '500', '--retries', '1'], access);
  await waitFor('the first part', async () => (await outcomes(id)).rows >= 500, 60_000);
  const { targetPort } = proxy;
  proxy.targetPort = 1;
  proxy.cut();
  expect(await cli.ended).toMatchObject({ code: 4, stderr: expect.stringContaining('--resume') });
  proxy.targetPort = targetPort;
  expect(await runCli(['import', '--resume'], access)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('3,000 created, 0 updated'),
  });
  await proxy.close();
  expect(await outcomes(id)).toEqual({ rows: 3_000, most: 1 });
}, 120_000);

it('failed rows stand in the error file once each, in order, however often the import is killed', async () => {
  const id = unique();
  const bad = (n: number) =>
    n % 3 === 0 ? `{"user_id":"${id}-${n}","metadata":[${n}]}` : `{"user_id":"${id}-${n}"}`;
  const { home, file } = writeRows(id, 6_000, bad);
  const access = { url: muster.url, apiKey: muster.key, home };
  const errors = path.join(home, 'failed.ndjson');
  let words = ['import', file, '--batch-rows', '500', '--errors', errors];
  for (const least of [700, 1_900, 3_300, 4_800]) {
    const { child, ended } = startCli(words, access);
    words = ['import', '--resume'];
    await waitFor(`${least} rows`, async () => (await outcomes(id)).rows >= least, 60_000);
    child.kill('SIGKILL');
    await ended;
  }
  expect((await runCli(words, access)).code).toBe(2);
  const expected = Array.from({ length: 2_000 }, (_, n) => bad(3 * n));
  expect(readFileSync(errors, 'utf8').trimEnd().split('\n')).toEqual(expected);
  const reasons = readFileSync(`${errors}.reasons`, 'utf8').trimEnd().split('\n');
  expect(reasons.map((line) => JSON.parse(line).row)).toEqual(
    Array.from({ length: 2_000 }, (_, n) => 3 * n + 1),
  );
}, 120_000);

it('a busy slot is waited out', async () => {
  const environment = await muster.addEnvironment(unique());
  await muster.store.pool.query('UPDATE environments SET users_per_minute = 600 WHERE id = $1', [
    environment.environmentId,
  ]);
  const before = await muster
    .post(undefined, environment.key)
    .send(Array.from({ length: 30 }, (_, n) => ({ user_id: `u${n}` })))
    .expect(202);
  const { home, file } = writeRows(unique(), 2);
  const run = await runCli(['import', file], { url: muster.url, apiKey: environment.key, home });
  expect(run).toMatchObject({ code: 0, stderr: expect.stringContaining(before.body.job_id) });
});

/** A database with its tables and the key of the environment `default`. */
async function startMigrated(databaseUrl: string): Promise<{ close(): Promise<void> }> {
  const { ensureEnvironment, ensureKey } = await import('#store/api-keys');
  const { openStore } = await import('#store/client');
  const { createLogger } = await import('#logger');
  const store = openStore({ databaseUrl, connections: 1, logger: createLogger('test', 'silent') });
  await ensureKey(store, await ensureEnvironment(store, 'default'), muster.key);
  return store;
}
