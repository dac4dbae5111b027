/** A worker that is killed while it scrubs somebody who was erased: another one finishes what it has begun. */
import { afterAll, expect, it } from '@jest/globals';
import { type Cluster, withCluster } from '../support/cluster';
import { killAll } from '../support/processes';
import { findTraces } from '../support/traces';
import { waitFor } from '../support/wait';

const JOBS = 30;
const ROWS = 2_000;
const ID = 'quentin.zed@secret.example';

afterAll(killAll);

/** Ended jobs, each of which has the person in one row that was read and one that was not. */
async function generate({ query }: Cluster): Promise<void> {
  await query(
    `INSERT INTO jobs (id, environment_id, entity, status, holds_slot, filename, file_size, total_rows, created_rows,
                       failed_rows, started_at, ended_at)
     SELECT gen_random_uuid(), id, 'user', 'completed', false, 'users.ndjson', 1, $2, $2 - 1, 1, now(), now()
     FROM environments, generate_series(1, $1)`,
    [JOBS, ROWS],
  );
  await query(
    `INSERT INTO staged_rows (environment_id, job_id, row, line, raw)
     SELECT environment_id, j.id, n, n,
            convert_to(CASE n WHEN 1 THEN '{"user_id":"' || $2 || '"}' WHEN 2 THEN '{"user_id":"' || $2 ELSE '{"user_id":"u"}' END, 'UTF8')
     FROM jobs j, generate_series(1, $1::int) AS n`,
    [ROWS, ID],
  );
  await query(
    `INSERT INTO row_results (environment_id, job_id, row, id, outcome, errors)
     SELECT environment_id, j.id, n, CASE n WHEN 1 THEN $2 WHEN 2 THEN NULL ELSE 'u' END,
            (CASE n WHEN 2 THEN 'failed' ELSE 'created' END)::outcome,
            CASE n WHEN 2 THEN '[{"code":"invalid_json","path":"","message":"x"}]'::jsonb END
     FROM jobs j, generate_series(1, $1::int) AS n`,
    [ROWS, ID],
  );
}

const erasedRows = async ({ query }: Cluster) =>
  Number((await query('SELECT count(*) AS n FROM row_results WHERE erased'))[0]?.n);

it(
  'a worker that is killed in the middle of a scrub leaves nothing undone: another one finishes it',
  () =>
    withCluster({ backend: 'postgresql', workers: 0 }, async (cluster) => {
      await generate(cluster);
      const { status } = await cluster.request('DELETE', `${cluster.api().url}/v1/users`, {
        body: JSON.stringify({ users: [ID] }),
        headers: { 'Content-Type': 'application/json' },
      });
      expect(status).toBe(202);

      // The last job's rows are locked, so that the worker is stopped within a step that has work done and not committed.
      const locker = await cluster.connect();
      await locker.query(
        `BEGIN; SELECT FROM row_results WHERE erased = false AND id IS NOT NULL AND row = 1 AND job_id = (
         SELECT id FROM jobs ORDER BY ordinal DESC, id DESC LIMIT 1) FOR UPDATE`,
      );
      const killed = await cluster.start('worker');
      await waitFor(
        'a scrub that waits for the lock',
        async () =>
          (
            await cluster.query(
              "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'UPDATE row_results%'",
            )
          ).length > 0,
      );
      expect(await cluster.end(killed, 'SIGKILL')).toBeNull();
      await locker.query('ROLLBACK');
      await locker.end();
      expect(await cluster.query('SELECT subject FROM erasures')).toEqual([{ subject: ID }]);
      expect(await erasedRows(cluster)).toBeLessThan(2 * JOBS);

      await cluster.start('worker');
      await waitFor(
        'the end of the walk',
        async () => (await cluster.query('SELECT FROM erasures')).length === 0,
      );
      expect(await erasedRows(cluster)).toBe(2 * JOBS);
      const client = await cluster.connect();
      try {
        expect(await findTraces(client, ID)).toEqual([]);
        expect(await cluster.query('SELECT FROM erasure_walks')).toEqual([]);
      } finally {
        await client.end();
      }
    }),
  120_000,
);
