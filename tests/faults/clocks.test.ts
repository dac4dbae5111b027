/** Clocks that are an hour off, for each process on its own, and a database whose clock jumps. */
import { afterAll, expect, it } from '@jest/globals';
import { withCluster } from '../support/cluster';
import { busiestMinute, watchCommits } from '../support/commits';
import { fakeClock } from '../support/fake-clock';
import { noteFaultRun } from '../support/fault-report';
import { makeImport } from '../support/imports';
import { BACKENDS } from '../support/muster';
import type { PostgresServer } from '../support/postgres-server';
import { killAll } from '../support/processes';

const HOUR_S = 3_600;
const TIMEOUT_MS = 300_000;

afterAll(killAll);

for (const backend of BACKENDS) {
  it.concurrent(
    `${backend}: F24: APIs and workers an hour ahead and behind: jobs go on, none waits for an hour, times are right`,
    () =>
      withCluster({ backend, apis: 0, workers: 0, usersPerMinute: 6_000 }, async (cluster) => {
        const api = await cluster.start('api', fakeClock(HOUR_S));
        const other = await cluster.start('api', fakeClock(-HOUR_S));
        await cluster.start('worker', fakeClock(HOUR_S));
        await cluster.start('worker', fakeClock(-HOUR_S));
        const submitted = Date.now();
        const first = await cluster.accept(makeImport({ rows: 300, ids: 250 }), { api });
        const job = await cluster.follow(first, { timeoutMs: 150_000 });
        expect(Math.abs(Date.parse(String(job.submitted_at)) - submitted)).toBeLessThan(5_000);
        expect(job.elapsed_time).toBeLessThan(150);
        await cluster.accept(makeImport({ rows: 200, ids: 150, after: 300 }), { api: other });
        const verdict = await cluster.verdict();
        noteFaultRun({ fault: 'clocks of processes an hour off', backend, injections: 4, verdict });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    `${backend}: F24, F25: the clock of the database jumps an hour ahead and two hours back: no minute above the limit, no hour of waiting`,
    () =>
      withCluster(
        { backend, workers: 2, usersPerMinute: 300, postgres: { hasFalseClock: true } },
        async (cluster) => {
          const commits = await watchCommits(cluster);
          const clock = cluster.postgres as PostgresServer;
          const job = await cluster.accept(makeImport({ rows: 330, ids: 330 }));
          await cluster.untilRows(job, 100);
          clock.setClock(HOUR_S);
          const [now] = await cluster.query('SELECT clock_timestamp() AS at');
          expect(Number(now?.at) - Date.now()).toBeGreaterThan((HOUR_S - 60) * 1_000);
          await cluster.untilRows(job, 200, 90_000);
          clock.setClock(-HOUR_S);
          await cluster.follow(job, { timeoutMs: 240_000 });
          expect(busiestMinute(await commits.stop())).toBeLessThanOrEqual(300);
          const verdict = await cluster.verdict();
          noteFaultRun({ fault: 'clock of the database jumps', backend, injections: 2, verdict });
        },
      ),
    TIMEOUT_MS,
  );
}
