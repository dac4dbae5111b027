/** An import that is interrupted goes on where it was, and no row is sent twice. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Muster, startMuster, unique } from '../support/muster';
import { addThrottled } from '../support/throttled';
import { waitFor } from '../support/wait';
import { type CliOptions, makeHome, runCli, startCli } from './support/run-cli';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

function access(home: string, apiKey: string): CliOptions {
  return { url: muster.url, apiKey, home };
}

/** How often each row has an outcome, over all jobs. */
async function outcomes(prefix: string): Promise<{ rows: number; most: number }> {
  const { rows } = await muster.store.pool.query(
    `SELECT count(*)::int AS rows, coalesce(max(times), 0)::int AS most
     FROM (SELECT count(*) AS times FROM row_results WHERE id LIKE $1 GROUP BY id) ids`,
    [`${prefix}%`],
  );
  return rows[0];
}

it('50,000 rows, killed again and again with kill -9, arrive once each', async () => {
  const id = unique();
  const home = makeHome();
  const key = await addThrottled(muster, 300_000);
  const file = path.join(home, 'users.ndjson');
  writeFileSync(file, Array.from({ length: 50_000 }, (_, n) => `{"user_id":"${id}-${n}"}\n`).join(''));
  let words = ['import', file, '--batch-rows', '5000'];
  for (const least of [1, 12_000, 23_000, 31_000]) {
    const { child, ended } = startCli(words, access(home, key));
    words = ['import', '--resume'];
    await waitFor(`${least} rows`, async () => (await outcomes(id)).rows >= least, 60_000);
    child.kill('SIGKILL');
    expect((await ended).code).toBeNull();
  }
  const run = await runCli(words, access(home, key));
  expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining('50,000 created, 0 updated') });
  expect(await outcomes(id)).toEqual({ rows: 50_000, most: 1 });
}, 120_000);

it('a file that has changed where it was imported is refused, and begins anew with --restart', async () => {
  const id = unique();
  const home = makeHome();
  const key = await addThrottled(muster, 30_000);
  const file = path.join(home, 'users.ndjson');
  const rows = Array.from({ length: 3_000 }, (_, n) => `{"user_id":"${id}-${n}"}\n`);
  writeFileSync(file, rows.join(''));
  const words = ['import', file, '--batch-rows', '1000'];
  const { child, ended } = startCli(words, access(home, key));
  await waitFor('the first part', async () => (await outcomes(id)).rows >= 1_500, 60_000);
  child.kill('SIGKILL');
  await ended;
  expect(await runCli(words, access(home, key))).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('--resume'),
  });
  writeFileSync(file, [`{"user_id":"${id}-other"}\n`, ...rows.slice(1)].join(''));
  expect((await runCli([...words, '--resume'], access(home, key))).code).toBe(3);
  expect((await runCli([...words, '--restart'], access(home, key))).code).toBe(0);
});

it('standard input goes on too, when the same bytes are piped again', async () => {
  const id = unique();
  const home = makeHome();
  const key = await addThrottled(muster, 60_000);
  const input = Array.from({ length: 3_000 }, (_, n) => `{"user_id":"${id}-${n}"}\n`).join('');
  const words = ['import', '-', '--batch-rows', '500'];
  const { child, ended } = startCli(words, { ...access(home, key), input });
  await waitFor('the first part', async () => (await outcomes(id)).rows >= 500, 60_000);
  child.kill('SIGKILL');
  await ended;
  expect((await runCli(['import', '-', '--resume'], { ...access(home, key), input })).code).toBe(0);
  expect(await outcomes(id)).toEqual({ rows: 3_000, most: 1 });
});

it('with --resume there is something to go on with, and what is said besides must be as it was', async () => {
  const home = makeHome();
  const key = await addThrottled(muster, 60_000);
  const [one, other] = [unique(), unique()];
  const write = (id: string) => {
    const file = path.join(home, `${id}.ndjson`);
    writeFileSync(file, Array.from({ length: 2_000 }, (_, n) => `{"user_id":"${id}-${n}"}\n`).join(''));
    return file;
  };
  expect(await runCli(['import', '--resume'], access(home, key))).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('no interrupted import'),
  });
  for (const id of [one, other]) {
    const { child, ended } = startCli(['import', write(id), '--batch-rows', '100'], access(home, key));
    await waitFor('the first part', async () => (await outcomes(id)).rows >= 100, 60_000);
    child.kill('SIGKILL');
    await ended;
  }
  const both = await runCli(['import', '--resume'], access(home, key));
  expect(both).toMatchObject({ code: 3, stderr: expect.stringContaining(`${one}.ndjson`) });
  const another = await runCli(
    ['import', write(one), '--resume', '--existing', 'create_only'],
    access(home, key),
  );
  expect(another).toMatchObject({ code: 3, stderr: expect.stringContaining('--existing') });
  const foreign = access(home, (await muster.addEnvironment(unique())).key);
  expect((await runCli(['import', write(one), '--resume'], foreign)).code).toBe(3);
  for (const id of [one, other]) {
    const words = ['import', write(id), '--resume', '--batch-rows', '100'];
    expect((await runCli(words, access(home, key))).code).toBe(0);
    expect(await outcomes(id)).toEqual({ rows: 2_000, most: 1 });
  }
});

it('a part whose job is canceled ends it with 5, and is sent again by --resume', async () => {
  const id = unique();
  const home = makeHome();
  const key = await addThrottled(muster, 600);
  const file = path.join(home, 'users.ndjson');
  writeFileSync(file, Array.from({ length: 100 }, (_, n) => `{"user_id":"${id}-${n}"}\n`).join(''));
  const own = access(home, key);
  const { ended } = startCli(['import', file], own);
  const jobId = await waitFor('the job', async () => {
    const { body } = await muster.get('/v1/background_jobs', key);
    return body[0]?.status === 'processing' && (body[0].job_id as string);
  });
  await runCli(['cancel', jobId], own);
  expect(await ended).toMatchObject({ code: 5, stderr: expect.stringContaining(jobId) });
  await muster.store.pool.query(
    'UPDATE environments SET users_per_minute = 60000 WHERE users_per_minute = 600',
  );
  expect((await runCli(['import', '--resume'], own)).code).toBe(0);
  const { rows } = await muster.store.pool.query('SELECT FROM users WHERE user_id LIKE $1', [`${id}-%`]);
  expect(rows).toHaveLength(100);
}, 90_000);

it('Ctrl-C ends it at once with 130, says how to go on, and the import goes on', async () => {
  const id = unique();
  const home = makeHome();
  const key = await addThrottled(muster, 60_000);
  const file = path.join(home, 'users.ndjson');
  writeFileSync(file, Array.from({ length: 4_000 }, (_, n) => `{"user_id":"${id}-${n}"}\n`).join(''));
  const words = ['import', file, '--batch-rows', '1000'];
  const { child, ended } = startCli(words, access(home, key));
  await waitFor('the first rows', async () => (await outcomes(id)).rows > 0, 60_000);
  child.kill('SIGINT');
  expect(await ended).toMatchObject({ code: 130, stderr: expect.stringContaining('--resume') });
  expect((await runCli([...words, '--resume'], access(home, key))).code).toBe(0);
  expect(await outcomes(id)).toEqual({ rows: 4_000, most: 1 });
});
