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
            (SELECT count(*)::int FROM row_results WHERE job_id = $1) AS results`,
    [jobId],
  );
  return rows[0];
};

it('deletes finished jobs with their rows and results, in batches; users, newer and unfinished jobs stay', async () => {
  const rows = Array.from({ length: 6_000 }, (_, n) => ({ user_id: `u${n}` }));
  const old = await muster.importRows(rows);
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
  expect(await rowsOf(old.job_id)).toEqual({ jobs: 0, staged: 0, results: 0 });
  expect(await rowsOf(newer.job_id)).toEqual({ jobs: 1, staged: 1, results: 1 });
  expect(await rowsOf(unfinished[0]?.id ?? '')).toEqual({ jobs: 1, staged: 0, results: 0 });
  const { rows: users } = await muster.store.pool.query('SELECT count(*)::int AS n FROM users');
  expect(users).toEqual([{ n: 6_000 }]);
});
