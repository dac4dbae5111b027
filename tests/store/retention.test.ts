/** Retention deletes what ended long ago, whole, and nothing else. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { deleteExpired } from '#store/retention';
import { type Muster, startMuster } from '../support/muster';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

const rowsOf = async (jobId: string) => {
  const { rows } = await muster.store.pool.query(
    `SELECT (SELECT count(*)::int FROM jobs WHERE id = $1) AS jobs,
            (SELECT count(*)::int FROM staged_rows WHERE job_id = $1) AS staged,
            (SELECT count(*)::int FROM row_tails WHERE job_id = $1) AS tails,
            (SELECT count(*)::int FROM row_results WHERE job_id = $1) AS results`,
    [jobId],
  );
  return rows[0];
};

it('deletes a dry run a day after its end, and gives back what it has counted for', async () => {
  const stored = async () =>
    Number((await muster.store.pool.query('SELECT sum(bytes) AS bytes FROM stored_imports')).rows[0].bytes);
  const before = await stored();
  const dryRun = async () => {
    const { body } = await muster
      .post('/v1/users/bulk_identify?dry_run=true')
      .send([{ user_id: 'dry' }])
      .expect(202);
    return muster.finished(body.job_id);
  };
  const old = await dryRun();
  const newer = await dryRun();
  const real = await muster.importRows([{ user_id: 'u0' }]);
  expect(await stored()).toBe(before + old.file_size + newer.file_size + real.file_size);
  const age = (jobId: string, time: string) =>
    muster.store.pool.query('UPDATE jobs SET ended_at = ended_at - $2::interval WHERE id = $1', [
      jobId,
      time,
    ]);
  await age(old.job_id, '24 hours 1 minute');
  await age(newer.job_id, '23 hours');
  await age(real.job_id, '29 days');
  while (await deleteExpired(muster.store, 30));
  expect(await rowsOf(old.job_id)).toEqual({ jobs: 0, staged: 0, tails: 0, results: 0 });
  expect(await rowsOf(newer.job_id)).toEqual({ jobs: 1, staged: 1, tails: 0, results: 1 });
  expect(await rowsOf(real.job_id)).toEqual({ jobs: 1, staged: 1, tails: 0, results: 1 });
  expect(await stored()).toBe(before + newer.file_size + real.file_size);
  await muster.store.pool.query("UPDATE jobs SET ended_at = now() - interval '31 days'");
  while (await deleteExpired(muster.store, 30));
  expect(await stored()).toBe(before);
});

it('deletes finished jobs with their rows and results, in batches; users, newer and unfinished jobs stay', async () => {
  const rows = Array.from({ length: 6_000 }, (_, n) => ({ user_id: `u${n}` }));
  const tooLong = { user_id: 'long', metadata: { text: 'x'.repeat(3_000_000) } };
  const old = await muster.importRows([...rows, tooLong]);
  expect((await rowsOf(old.job_id)).tails).toBeGreaterThan(0);
  const newer = await muster.importRows([{ user_id: 'u0' }]);
  await muster.store.pool.query(
    "UPDATE jobs SET ended_at = ended_at - interval '30 days 1 minute' WHERE id = $1",
    [old.job_id],
  );
  const { rows: unfinished } = await muster.store.pool.query<{ id: string }>(
    `INSERT INTO jobs (id, environment_id, entity, file_size, total_rows, holds_slot, submitted_at, due_at)
     VALUES (gen_random_uuid(), $1, 'user', 1, 1, false, now() - interval '1 year', now() + interval '1 hour')
     RETURNING id`,
    [muster.environmentId],
  );
  let batches = 0;
  while (await deleteExpired(muster.store, 30)) batches++;
  expect(batches).toBe(3);
  expect(await rowsOf(old.job_id)).toEqual({ jobs: 0, staged: 0, tails: 0, results: 0 });
  expect(await rowsOf(newer.job_id)).toEqual({ jobs: 1, staged: 1, tails: 0, results: 1 });
  expect(await rowsOf(unfinished[0]?.id ?? '')).toEqual({ jobs: 1, staged: 0, tails: 0, results: 0 });
  const { rows: users } = await muster.store.pool.query('SELECT count(*)::int AS n FROM users');
  expect(users).toEqual([{ n: 6_000 }]);
});
