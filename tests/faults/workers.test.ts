/** What was accepted reaches its end, exactly, whatever happens to the workers. */
import { afterAll, expect, it } from '@jest/globals';
import { type Cluster, withCluster } from '../support/cluster';
import { busiestMinute, watchCommits } from '../support/commits';
import { noteFaultRun } from '../support/fault-report';
import { makeImport } from '../support/imports';
import { BACKENDS } from '../support/muster';
import { killAll } from '../support/processes';
import { seededRandom } from '../support/seed';
import { waitFor } from '../support/wait';

const LONG = process.env.FAULTS === 'long';
const KILLS = LONG ? 20 : 5;
/** How long a worker is stopped that holds a slice. */
const STOPPED_MS = LONG ? 120_000 : 12_000;
const TIMEOUT_MS = LONG ? 600_000 : 180_000;

afterAll(killAll);

/** Waits until a slice waits for the lock on the table of users. */
const untilBlocked = (cluster: Cluster) =>
  waitFor('a slice that waits for the lock', async () => {
    const waiting = await cluster.query(
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%FROM users t%'",
    );
    return waiting.length > 0;
  });

// Not one `describe` for each: then the runs of one would wait for those of the other.
for (const backend of BACKENDS) {
  it.concurrent(
    `${backend}: F1, F2, F3: an import survives ${KILLS} kills of its workers at random points, each within 15 s`,
    () =>
      withCluster({ backend, workers: 2, usersPerMinute: 6_000 }, async (cluster) => {
        const random = seededRandom('kills', backend);
        const upload = makeImport({ rows: 600, ids: 500 });
        const job = await cluster.accept(upload);
        let longestMs = 0;
        for (let kill = 1; kill <= KILLS; kill++) {
          await cluster.untilRows(job, Math.floor(((kill - random()) * 500) / KILLS));
          // Both: the one in work is among them.
          await Promise.all([
            cluster.replaceWorker(cluster.worker(0)),
            cluster.replaceWorker(cluster.worker(1)),
          ]);
          longestMs = Math.max(longestMs, await cluster.untilProgress(job));
        }
        expect(longestMs).toBeLessThan(15_000);
        const verdict = await cluster.verdict();
        noteFaultRun({
          fault: 'kill -9 of all workers',
          backend,
          injections: KILLS,
          verdict,
          recoveryMs: longestMs,
        });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    `${backend}: F1: another worker that is there goes on within 15 s`,
    () =>
      withCluster({ backend, workers: 2, usersPerMinute: 3_000 }, async (cluster) => {
        const job = await cluster.accept(makeImport({ rows: 500, ids: 400 }));
        await cluster.untilRows(job, 60);
        await cluster.end(cluster.worker(0), 'SIGKILL');
        const recoveryMs = await cluster.untilProgress(job);
        expect(recoveryMs).toBeLessThan(15_000);
        const verdict = await cluster.verdict();
        noteFaultRun({ fault: 'kill -9 of one of two workers', backend, injections: 1, verdict, recoveryMs });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    `${backend}: F4, F5, F20: a worker stopped for ${STOPPED_MS / 1000} s in the middle of a slice writes nothing when it wakes up after another took over`,
    () =>
      withCluster({ backend, usersPerMinute: 1_500 }, async (cluster) => {
        const stopped = cluster.worker();
        const locker = await cluster.connect();
        await locker.query('BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE');
        const job = await cluster.accept(makeImport({ rows: 600, ids: 100 }));
        await untilBlocked(cluster);
        stopped.child.kill('SIGSTOP');
        const stoppedAt = Date.now();
        await cluster.start('worker');
        await locker.query('ROLLBACK');
        await locker.end();
        const recoveryMs = await cluster.untilProgress(job);
        await cluster.untilRows(job, 200);
        await waitFor('the time to wake it up', () => Date.now() - stoppedAt >= STOPPED_MS, TIMEOUT_MS);
        stopped.child.kill('SIGCONT');
        const verdict = await cluster.verdict();
        noteFaultRun({
          fault: 'SIGSTOP of a worker in a slice',
          backend,
          injections: 1,
          verdict,
          recoveryMs,
        });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    `${backend}: F8: an import waits, queued, while there is no worker, and starts when one comes`,
    () =>
      withCluster({ backend, workers: 0 }, async (cluster) => {
        const job = await cluster.accept(makeImport({ rows: 100, ids: 90 }));
        expect(await cluster.rowsDone(job)).toBe(0);
        const started = performance.now();
        await cluster.start('worker');
        await cluster.follow(job);
        const recoveryMs = performance.now() - started;
        const verdict = await cluster.verdict();
        noteFaultRun({ fault: 'no worker at first', backend, injections: 1, verdict, recoveryMs });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    `${backend}: F6: workers that are restarted one after another finish their slices, exit with 0 within 10 s and lose nothing`,
    () =>
      withCluster({ backend, workers: 2, usersPerMinute: 3_000 }, async (cluster) => {
        const job = await cluster.accept(makeImport({ rows: 700, ids: 500 }));
        for (const rows of [60, 200, 350, 500]) {
          await cluster.untilRows(job, rows);
          const asked = performance.now();
          expect(await cluster.end(cluster.worker(), 'SIGTERM')).toBe(0);
          expect(performance.now() - asked).toBeLessThan(10_000);
          await cluster.start('worker');
        }
        const verdict = await cluster.verdict();
        noteFaultRun({ fault: 'rolling restart of workers', backend, injections: 4, verdict });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    `${backend}: F27: a job whose slice kills its worker every time fails after ten tries; its slot is free and others run`,
    () =>
      withCluster({ backend, workers: 1, usersPerMinute: 0 }, async (cluster) => {
        // A row that takes for ever, and whoever is at it is killed: to the service a row that kills its worker.
        await cluster.query(`CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF NEW.user_id = 'poison' THEN PERFORM pg_sleep(20); END IF; RETURN NEW; END $$`);
        await cluster.query(
          'CREATE TRIGGER poison BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION poison()',
        );
        const job = await cluster.accept({ rows: [], ndjson: '{"user_id":"poison"}' });
        cluster.accepted.clear();
        let kills = 0;
        const ended = async () =>
          (await cluster.query('SELECT status FROM jobs WHERE id = $1 AND ended_at IS NOT NULL', [job]))[0];
        const inPoison = async () =>
          (
            await cluster.query(
              "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()",
            )
          ).length > 0;
        for (;;) {
          const state = await waitFor(
            'the poison slice or the end',
            async () => (await ended()) ?? ((await inPoison()) && 'poisoned'),
            30_000,
          );
          if (state !== 'poisoned') break;
          kills++;
          await cluster.end(cluster.worker(), 'SIGKILL');
          await cluster.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()",
          );
          // Else the session of the worker that is dead would be taken for that of the next one.
          await waitFor('the end of its session', async () => !(await inPoison()));
          await cluster.start('worker');
        }
        expect(await cluster.follow(job)).toMatchObject({ status: 'failed', error: { code: 'internal' } });
        expect(kills).toBeGreaterThanOrEqual(9);
        expect(kills).toBeLessThanOrEqual(14);
        await cluster.accept(makeImport({ rows: 100, ids: 90 }));
        const verdict = await cluster.verdict();
        noteFaultRun({ fault: 'poison job', backend, injections: kills, verdict });
      }),
    TIMEOUT_MS + 180_000,
  );

  it.concurrent(
    `${backend}: F25: no minute has more rows than the limit, with two workers and kills in between`,
    () =>
      withCluster({ backend, workers: 2, usersPerMinute: 300 }, async (cluster) => {
        const commits = await watchCommits(cluster);
        const job = await cluster.accept(makeImport({ rows: 390, ids: 390 }));
        for (const rows of [50, 150, 250]) {
          await cluster.untilRows(job, rows);
          await cluster.replaceWorker(cluster.worker(rows % 100 === 50 ? 0 : 1));
        }
        await cluster.follow(job, { timeoutMs: 180_000 });
        expect(busiestMinute(await commits.stop())).toBeLessThanOrEqual(300);
        const verdict = await cluster.verdict();
        noteFaultRun({ fault: 'throttle: kills, two workers', backend, injections: 3, verdict });
      }),
    TIMEOUT_MS + 60_000,
  );
}
