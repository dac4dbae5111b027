/** PostgreSQL is the truth: while it is away nothing is promised, and what was promised goes on when it is back. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import type pg from 'pg';
import { type Answer, type Cluster, withCluster } from '../support/cluster';
import { noteFaultRun } from '../support/fault-report';
import { makeImport } from '../support/imports';
import { BACKENDS } from '../support/muster';
import type { PostgresServer } from '../support/postgres-server';
import { killAll } from '../support/processes';
import { seededRandom } from '../support/seed';
import { waitFor } from '../support/wait';

const LONG = process.env.FAULTS === 'long';
const TIMEOUT_MS = LONG ? 600_000 : 180_000;

afterAll(killAll);

const postgresOf = (cluster: Cluster) => cluster.postgres as PostgresServer;

/** 503 within 5 s, with the time to wait, and the process is up all the same. */
async function expectUnavailable(cluster: Cluster): Promise<void> {
  const base = cluster.api().url;
  const answers: Answer[] = await Promise.all([
    cluster.post(makeImport({ rows: 10, ids: 10, after: 1_000_000 })),
    cluster.request('GET', `${base}/v1/background_jobs`),
  ]);
  for (const answer of answers) {
    const { status, headers, body } = answer;
    expect({ status, code: body.errors?.[0]?.error_code }).toEqual({ status: 503, code: 'unavailable' });
    expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await cluster.durationMs(answer)).toBeLessThan(5_000);
  }
  expect((await fetch(`${base}/healthz`)).status).toBe(200);
  expect((await fetch(`${base}/readyz`)).status).toBe(503);
}

/** Waits until the API answers again by itself. Returns how long that took, in milliseconds. */
async function untilAvailable(cluster: Cluster): Promise<number> {
  const begun = performance.now();
  const url = `${cluster.api().url}/v1/background_jobs`;
  await waitFor('an answer', async () => (await cluster.request('GET', url)).status === 200, 30_000);
  return performance.now() - begun;
}

for (const backend of BACKENDS) {
  it.concurrent(
    `${backend}: F15, F16: PostgreSQL stopped at once, five times in one job: 503 meanwhile, then everything goes on by itself`,
    () =>
      withCluster({ backend, workers: 2, usersPerMinute: 3_000, postgres: true }, async (cluster) => {
        const random = seededRandom('stops', backend);
        const job = await cluster.accept(makeImport({ rows: 600, ids: 500 }));
        let recoveryMs = 0;
        for (let stop = 1; stop <= 5; stop++) {
          await cluster.untilRows(job, Math.floor((stop - random()) * 100));
          await postgresOf(cluster).stopAtOnce();
          await expectUnavailable(cluster);
          await postgresOf(cluster).start();
          cluster.database.targetPort = postgresOf(cluster).port;
          await untilAvailable(cluster);
          recoveryMs = Math.max(recoveryMs, await cluster.untilProgress(job));
        }
        expect(recoveryMs).toBeLessThan(30_000);
        const verdict = await cluster.verdict({ mayBeAway: true });
        noteFaultRun({ fault: 'PostgreSQL stop -m immediate', backend, injections: 5, verdict, recoveryMs });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    `${backend}: F16, F29: processes started while PostgreSQL is away wait for it; one that is asked to end meanwhile ends`,
    () =>
      withCluster({ backend, workers: 0, postgres: true }, async (cluster) => {
        const job = await cluster.accept(makeImport({ rows: 100, ids: 90 }));
        await postgresOf(cluster).stopAtOnce();
        const worker = cluster.start('worker');
        const api = cluster.start('api');
        await postgresOf(cluster).start();
        cluster.database.targetPort = postgresOf(cluster).port;
        await Promise.all([worker, api]);
        await cluster.follow(job, { mayBeAway: true });
        const verdict = await cluster.verdict({ mayBeAway: true });
        noteFaultRun({ fault: 'started while PostgreSQL is away', backend, injections: 2, verdict });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    `${backend}: F18: connections ended by pg_terminate_backend, again and again in one job`,
    () =>
      withCluster({ backend, workers: 2, usersPerMinute: 3_000 }, async (cluster) => {
        const job = await cluster.accept(makeImport({ rows: 500, ids: 400 }));
        for (let round = 1; round <= 8; round++) {
          await cluster.untilRows(job, round * 50);
          await cluster.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()`,
          );
        }
        const verdict = await cluster.verdict({ mayBeAway: true });
        noteFaultRun({ fault: 'pg_terminate_backend', backend, injections: 8, verdict });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    `${backend}: F19: a read-only database: 503, nothing half written; the job waits and goes on`,
    () =>
      withCluster({ backend, workers: 1, usersPerMinute: 3_000 }, async (cluster) => {
        const job = await cluster.accept(makeImport({ rows: 300, ids: 250 }));
        await cluster.untilRows(job, 60);
        const setReadOnly = async (value: 'on' | 'off') => {
          const [name] = await cluster.query('SELECT current_database() AS database');
          // A session of its own, which may write although the database is read-only.
          const client = await cluster.connect();
          await client.query('SET default_transaction_read_only = off');
          await client.query(`ALTER DATABASE ${name?.database} SET default_transaction_read_only = ${value}`);
          await client.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()`,
          );
          await client.end();
        };
        await setReadOnly('on');
        const refused = await cluster.post(makeImport({ rows: 10, ids: 10, after: 1_000_000 }));
        // The look at the slot needs no writing and comes first.
        expect([409, 503]).toContain(refused.status);
        const before = await cluster.rowsDone(job);
        await waitFor('the worker to fail', () =>
          cluster.worker().log.some((line) => line.includes('25006')),
        );
        expect(await cluster.rowsDone(job)).toBe(before);
        await setReadOnly('off');
        const recoveryMs = await cluster.untilProgress(job);
        expect(recoveryMs).toBeLessThan(30_000);
        const verdict = await cluster.verdict({ mayBeAway: true });
        noteFaultRun({ fault: 'read-only database', backend, injections: 1, verdict, recoveryMs });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    `${backend}: F19: a full disk: nothing half written, and everything goes on when there is room again`,
    async () => {
      const folder = mkdtempSync(path.join(tmpdir(), 'muster-full-'));
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=260m,mode=0755', 'tmpfs', folder], {
          stdio: 'pipe',
        });
      } catch (error) {
        rmSync(folder, { recursive: true });
        throw new Error('This test mounts a small file system: run it as root, or without it.', {
          cause: error,
        });
      }
      try {
        await withCluster(
          // A small log, so that the tables are what fills the disk.
          {
            backend,
            usersPerMinute: 3_000,
            postgres: { settings: { max_wal_size: '64MB', min_wal_size: '32MB' } },
            postgresFolder: folder,
          },
          (cluster) => fillDisk(cluster, folder, backend),
        );
      } finally {
        execFileSync('umount', ['-l', folder]);
        rmSync(folder, { recursive: true, force: true });
      }
    },
    TIMEOUT_MS,
  );

  it.concurrent(
    `${backend}: F20: a lock on the users table for longer than a slice waits: the job goes on when it is gone`,
    () =>
      withCluster({ backend, usersPerMinute: 3_000 }, async (cluster) => {
        const job = await cluster.accept(makeImport({ rows: 300, ids: 250 }));
        await cluster.untilRows(job, 60);
        const locker = await cluster.connect();
        await locker.query('BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE');
        const timedOut = () => cluster.worker().log.some((line) => line.includes('55P03'));
        await waitFor('a slice to give up', timedOut, 90_000);
        await locker.query('ROLLBACK');
        await locker.end();
        const recoveryMs = await cluster.untilProgress(job);
        const verdict = await cluster.verdict();
        noteFaultRun({ fault: 'lock on the users table', backend, injections: 1, verdict, recoveryMs });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    `${backend}: F23: no connection to be had: 503, and everything goes on when there is one again`,
    () =>
      withCluster(
        { backend, usersPerMinute: 3_000, postgres: { settings: { max_connections: '30' } } },
        async (cluster) => {
          const job = await cluster.accept(makeImport({ rows: 300, ids: 250 }));
          await cluster.untilRows(job, 60);
          const observer = await cluster.connect();
          const hogs: pg.Client[] = [];
          const ofMuster = "application_name LIKE 'muster%'";
          // The service is as quick to connect again as the hogs are: until it has no connection left.
          await waitFor('all connections to be taken', async () => {
            await observer.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${ofMuster}`);
            for (let hog: pg.Client | undefined; ; ) {
              hog = await cluster.connect().catch(() => undefined);
              if (hog === undefined) break;
              hogs.push(hog);
            }
            const { rows } = await observer.query(`SELECT FROM pg_stat_activity WHERE ${ofMuster}`);
            return rows.length === 0;
          });
          await expectUnavailable(cluster);
          await Promise.all([observer, ...hogs].map((hog) => hog.end()));
          await untilAvailable(cluster);
          const recoveryMs = await cluster.untilProgress(job);
          expect(recoveryMs).toBeLessThan(30_000);
          const verdict = await cluster.verdict({ mayBeAway: true });
          noteFaultRun({ fault: 'max_connections reached', backend, injections: 1, verdict, recoveryMs });
        },
      ),
    TIMEOUT_MS,
  );

  it.concurrent(
    `${backend}: F17: connections to PostgreSQL that are dead without a word: 503 within 5 s, then everything goes on`,
    () =>
      withCluster({ backend, workers: 2, usersPerMinute: 3_000 }, async (cluster) => {
        const job = await cluster.accept(makeImport({ rows: 400, ids: 350 }));
        await cluster.untilRows(job, 60);
        cluster.database.blackHole();
        await expectUnavailable(cluster);
        cluster.database.heal();
        await untilAvailable(cluster);
        const recoveryMs = await cluster.untilProgress(job);
        expect(recoveryMs).toBeLessThan(60_000);
        const verdict = await cluster.verdict({ mayBeAway: true });
        noteFaultRun({
          fault: 'half-open connections to PostgreSQL',
          backend,
          injections: 1,
          verdict,
          recoveryMs,
        });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    `${backend}: F26: a migration that comes in the middle of a job does not disturb it`,
    () =>
      withCluster({ backend, usersPerMinute: 3_000 }, async (cluster) => {
        const job = await cluster.accept(makeImport({ rows: 300, ids: 250 }));
        await cluster.untilRows(job, 60);
        for (const table of ['jobs', 'users', 'staged_rows', 'row_results', 'paces']) {
          await cluster.query(`ALTER TABLE ${table} ADD COLUMN of_a_later_version integer DEFAULT 0`);
        }
        const verdict = await cluster.verdict();
        noteFaultRun({ fault: 'migration in a job', backend, injections: 1, verdict });
      }),
    TIMEOUT_MS,
  );
}

async function fillDisk(cluster: Cluster, folder: string, backend: (typeof BACKENDS)[number]): Promise<void> {
  const job = await cluster.accept(makeImport({ rows: 600, ids: 400 }));
  await cluster.untilRows(job, 100);
  const filler = path.join(folder, 'filler');
  fillUp(filler);
  // Nothing that could be compressed, and far more than what is free within the tables' files.
  const line = () => `{"user_id":"big","metadata":{"x":"${randomBytes(30_000).toString('hex')}"}}`;
  const refused = await cluster.post({ rows: [], ndjson: Array.from({ length: 300 }, line).join('\n') });
  expect([409, 503]).toContain(refused.status);
  const isHit = () => cluster.worker().log.some((text) => /53100|57P0|08006|ECONN|terminated/.test(text));
  await waitFor('the worker to run out of room', isHit, 60_000);
  rmSync(filler);
  // Without room for its log PostgreSQL ends; whoever runs it starts it again.
  await waitFor('PostgreSQL', async () => {
    const alive = await cluster.query('SELECT 1').catch(() => undefined);
    if (alive === undefined) {
      await postgresOf(cluster).stopAtOnce();
      await postgresOf(cluster).start();
      cluster.database.targetPort = postgresOf(cluster).port;
    }
    return alive !== undefined;
  });
  await untilAvailable(cluster);
  const recoveryMs = await cluster.untilProgress(job);
  await cluster.follow(job, { mayBeAway: true });
  await cluster.accept(makeImport({ rows: 500, ids: 400, after: 600 }));
  const verdict = await cluster.verdict({ mayBeAway: true });
  noteFaultRun({ fault: 'full disk', backend, injections: 1, verdict, recoveryMs });
}

/** Writes until there is no room for one more byte. */
function fillUp(file: string): void {
  const block = Buffer.alloc(64 * 1024, 1);
  for (;;) {
    try {
      appendFileSync(file, block);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return;
      throw error;
    }
  }
}
