/** However many results there are, an erasure is answered at once and scrubbed in short steps that may be killed. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { scrubStep } from '#pipeline/scrub';
import { asOwner } from '../support/database';
import { type Muster, startMuster } from '../support/muster';
import { findTraces } from '../support/traces';
import { waitFor } from '../support/wait';

/** Generated results; ERASURE_RESULTS for more. */
const RESULTS = Number(process.env.ERASURE_RESULTS ?? 400_000);
/** People who are erased besides two; ERASURE_IDS for another number of them. */
const IDS = Number(process.env.ERASURE_IDS ?? 3_000);
const ROWS_OF_A_JOB = 10_000;
const JOBS = Math.ceil(RESULTS / ROWS_OF_A_JOB);

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster({ workers: 0 });
  await generate();
}, 600_000);
afterAll(() => muster.close());

/** Jobs whose rows are u1, u2, ... over and over; every hundredth cannot be read. The database gathers no statistics. */
async function generate(): Promise<void> {
  await asOwner(
    muster.databaseUrl,
    'ALTER TABLE row_results SET (autovacuum_enabled = false); ALTER TABLE staged_rows SET (autovacuum_enabled = false)',
  );
  const { pool } = muster.store;
  const client = await pool.connect();
  try {
    await client.query('SET statement_timeout = 0');
    const generated = { query_timeout: 600_000 };
    await client.query({
      ...generated,
      text: `INSERT INTO jobs (id, environment_id, entity, status, holds_slot, filename, file_size, total_rows, created_rows,
                               failed_rows, started_at, ended_at)
             SELECT gen_random_uuid(), $1, 'user', 'completed', false, 'users.ndjson', 1, $3, $3 - $3 / 100, $3 / 100, now(), now()
             FROM generate_series(1, $2)`,
      values: [muster.environmentId, JOBS, ROWS_OF_A_JOB],
    });
    await client.query({
      ...generated,
      text: `INSERT INTO staged_rows (environment_id, job_id, row, line, raw)
             SELECT $1, j.id, n, n, convert_to(format('{"user_id":"u%s","metadata":{"email":"u%s@secret.example"}%s', n, n,
                                                      CASE WHEN n % 100 = 0 THEN '' ELSE '}' END), 'UTF8')
             FROM jobs j, generate_series(1, $2) AS n`,
      values: [muster.environmentId, ROWS_OF_A_JOB],
    });
    await client.query({
      ...generated,
      text: `INSERT INTO row_results (environment_id, job_id, row, id, outcome, errors)
             SELECT $1, j.id, n, CASE WHEN n % 100 > 0 THEN 'u' || n END,
                    (CASE WHEN n % 100 > 0 THEN 'created' ELSE 'failed' END)::outcome,
                    CASE WHEN n % 100 = 0 THEN '[{"code":"invalid_json","path":"","message":"x"}]'::jsonb END
             FROM jobs j, generate_series(1, $2) AS n`,
      values: [muster.environmentId, ROWS_OF_A_JOB],
    });
  } finally {
    client.release(true);
  }
}

async function erase(ids: string[]): Promise<number> {
  const startMs = performance.now();
  const answer = await fetch(`${muster.url}/v1/users`, {
    method: 'DELETE',
    headers: { Authorization: `Token ${muster.key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ users: ids }),
  });
  expect(answer.status).toBe(202);
  return performance.now() - startMs;
}

it('an erasure takes less than a second, reading goes on, and short steps scrub everything', async () => {
  const { pool } = muster.store;
  const oneMs = await erase(['u17']);
  expect(oneMs).toBeLessThan(1_000);
  // Thousands of them; the last one only stands in rows that cannot be read.
  const many = [...Array.from({ length: IDS }, (_, n) => `u${2 * n + 2_001}`), 'u200'];
  const manyMs = await erase(many);
  expect(manyMs).toBeLessThan(1_000);
  const listMs = performance.now();
  await muster.get('/v1/background_jobs?limit=100').expect(200);
  expect(performance.now() - listMs).toBeLessThan(10_000);
  const listedMs = performance.now() - listMs;
  const { rows: jobs } = await pool.query<{ id: string }>('SELECT id FROM jobs LIMIT 1');
  const jobId = jobs[0]?.id ?? '';
  const readMs = performance.now();
  const results = await muster.results(jobId);
  const resultsMs = performance.now() - readMs;
  expect(results).toHaveLength(ROWS_OF_A_JOB);
  expect(results.filter(({ erased }) => erased)).toHaveLength(IDS + 2);
  expect(resultsMs).toBeLessThan(5_000);

  const steps: number[] = [];
  const startMs = performance.now();
  await waitFor(
    'the end of the walk',
    async () => {
      // What a worker does that is killed after each step: nothing is known but what stands in the database.
      for (let isMore = true; isMore; ) {
        const stepMs = performance.now();
        isMore = await scrubStep(muster.store);
        steps.push(performance.now() - stepMs);
      }
      return (await pool.query('SELECT FROM erasures LIMIT 1')).rowCount === 0;
    },
    3_600_000,
  );
  const scrubMs = performance.now() - startMs;
  expect(Math.max(...steps)).toBeLessThan(3_000);
  process.stdout.write(
    `${RESULTS} results: DELETE of one ${oneMs.toFixed(0)} ms, of ${many.length} ${manyMs.toFixed(0)} ms; results of ` +
      `${ROWS_OF_A_JOB} rows ${resultsMs.toFixed(0)} ms, of a list of jobs ${listedMs.toFixed(0)} ms; scrubbed in ${(scrubMs / 1000).toFixed(1)} s, ` +
      `${steps.length} steps, longest ${Math.max(...steps).toFixed(0)} ms\n`,
  );
  expect(await findTraces(pool, 'u17@secret.example')).toEqual([]);
  expect(await findTraces(pool, 'u200@secret.example')).toEqual([]);
  const { rows } = await pool.query('SELECT count(*)::int AS n FROM row_results WHERE erased');
  expect(rows).toEqual([{ n: (IDS + 2) * JOBS }]);
}, 3_600_000);
