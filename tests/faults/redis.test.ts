/** Redis only delivers: whatever it forgets, refuses or does twice, jobs end exactly as they would have. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { Queue } from 'bullmq';
import { queuePrefix } from '#queue/open-queue';
import { type Cluster, withCluster } from '../support/cluster';
import { noteFaultRun } from '../support/fault-report';
import { makeImport } from '../support/imports';
import { killAll } from '../support/processes';
import type { RedisServer } from '../support/redis-server';
import { waitFor } from '../support/wait';

const LONG = process.env.FAULTS === 'long';
const OUTAGE_MS = LONG ? 60_000 : 8_000;
const TIMEOUT_MS = LONG ? 600_000 : 180_000;
/** Slices of 100 rows a second. */
const PACE = { backend: 'redis', usersPerMinute: 6_000 } as const;

afterAll(killAll);

const redisOf = (cluster: Cluster) => cluster.redis as RedisServer;
/** What the keys of the cluster's queue begin with. */
async function keysOf(cluster: Cluster): Promise<string> {
  return `${await prefixOf(cluster)}:imports`;
}

async function prefixOf(cluster: Cluster): Promise<string> {
  const [{ id } = { id: '' }] = (await cluster.query('SELECT id FROM installation')) as { id: string }[];
  return queuePrefix(id);
}

const after = (ms: number) => {
  const end = performance.now() + ms;
  return waitFor(`${ms} ms to pass`, () => performance.now() >= end, ms * 2);
};

describe('with the queue on redis', () => {
  it.concurrent(
    'F9: Redis down at POST: 202 within 2 s, the job is worked on without it, also by an API and a worker started meanwhile',
    () =>
      withCluster({ ...PACE, workers: 0 }, async (cluster) => {
        await redisOf(cluster).kill();
        const first = await cluster.post(makeImport({ rows: 50, ids: 50 }));
        expect(first.status).toBe(202);
        expect(await cluster.durationMs(first)).toBeLessThan(2_000);
        const started = performance.now();
        await cluster.start('worker');
        await cluster.follow(first.body.job_id);
        const api = await cluster.start('api');
        const second = await cluster.post(makeImport({ rows: 50, ids: 50, after: 50 }), { api });
        expect(second.status).toBe(202);
        expect(await cluster.durationMs(second)).toBeLessThan(2_000);
        await redisOf(cluster).start();
        const verdict = await cluster.verdict();
        const recoveryMs = performance.now() - started;
        noteFaultRun({
          fault: 'Redis down at POST and at start',
          backend: 'redis',
          injections: 2,
          verdict,
          recoveryMs,
        });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    `F10, F12: Redis killed for ${OUTAGE_MS / 1000} s in the middle of a job, and started again without anything`,
    () =>
      withCluster({ ...PACE, workers: 2 }, async (cluster) => {
        const job = await cluster.accept(makeImport({ rows: 1_000, ids: 900 }));
        await cluster.untilRows(job, 200);
        await redisOf(cluster).kill();
        await after(OUTAGE_MS);
        await redisOf(cluster).start();
        const recoveryMs = await cluster.untilProgress(job);
        expect(recoveryMs).toBeLessThan(30_000);
        const verdict = await cluster.verdict();
        noteFaultRun({
          fault: `Redis down ${OUTAGE_MS / 1000} s in a job`,
          backend: 'redis',
          injections: 1,
          verdict,
          recoveryMs,
        });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    'F11: FLUSHALL with a job waiting, in work, and between two slices: each goes on within 30 s',
    () =>
      withCluster({ ...PACE, workers: 0, usersPerMinute: 3_000 }, async (cluster) => {
        const job = await cluster.accept(makeImport({ rows: 500, ids: 450 }));
        let longestMs = 0;
        const flush = async () => {
          await redisOf(cluster).command('FLUSHALL');
          longestMs = Math.max(longestMs, await cluster.untilProgress(job));
        };
        await redisOf(cluster).command('FLUSHALL');
        await cluster.start('worker');
        longestMs = await cluster.untilProgress(job);
        await cluster.untilRows(job, 100);
        const delayed = async () =>
          Number(await redisOf(cluster).command('ZCARD', `${await keysOf(cluster)}:delayed`));
        await waitFor('a delivery that is due later', async () => (await delayed()) > 0);
        await flush();
        const active = async () =>
          Number(await redisOf(cluster).command('LLEN', `${await keysOf(cluster)}:active`));
        await waitFor('a delivery in work', async () => (await active()) > 0);
        await flush();
        expect(longestMs).toBeLessThan(30_000);
        const verdict = await cluster.verdict();
        noteFaultRun({ fault: 'FLUSHALL', backend: 'redis', injections: 3, verdict, recoveryMs: longestMs });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    'F12: an old snapshot of Redis restored: finished jobs are not run again, the running one goes on',
    () =>
      withCluster({ ...PACE, redisOptions: ['--dbfilename', 'old.rdb'] }, async (cluster) => {
        const redis = redisOf(cluster);
        const [, folder] = (await redis.command('CONFIG', 'GET', 'dir')) as [string, string];
        const kept = mkdtempSync(path.join(tmpdir(), 'muster-snapshot-'));
        const first = await cluster.accept(makeImport({ rows: 300, ids: 250 }));
        await cluster.untilRows(first, 100);
        await redis.command('SAVE');
        copyFileSync(path.join(folder, 'old.rdb'), path.join(kept, 'old.rdb'));
        await cluster.follow(first);
        const second = await cluster.accept(makeImport({ rows: 400, ids: 250, after: 300 }));
        await cluster.untilRows(second, 100);
        await redis.kill();
        copyFileSync(path.join(kept, 'old.rdb'), path.join(folder, 'old.rdb'));
        rmSync(kept, { recursive: true });
        await redis.start();
        const recoveryMs = await cluster.untilProgress(second);
        const verdict = await cluster.verdict();
        noteFaultRun({
          fault: 'old Redis snapshot restored',
          backend: 'redis',
          injections: 1,
          verdict,
          recoveryMs,
        });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    'F13: Redis out of memory in the middle of a job refuses every write: the job goes on without it',
    () =>
      withCluster({ ...PACE }, async (cluster) => {
        const job = await cluster.accept(makeImport({ rows: 500, ids: 450 }));
        await cluster.untilRows(job, 100);
        await redisOf(cluster).command('CONFIG', 'SET', 'maxmemory', '1');
        const recoveryMs = await cluster.untilProgress(job);
        await cluster.untilRows(job, 300);
        await redisOf(cluster).command('CONFIG', 'SET', 'maxmemory', '0');
        const verdict = await cluster.verdict();
        noteFaultRun({
          fault: 'Redis maxmemory, noeviction',
          backend: 'redis',
          injections: 1,
          verdict,
          recoveryMs,
        });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    'F13: a Redis that evicts is warned about at the start, and jobs end all the same',
    () =>
      withCluster({ ...PACE, redisOptions: ['--maxmemory-policy', 'allkeys-lru'] }, async (cluster) => {
        await waitFor('the warning', () => cluster.worker().log.some((line) => /eviction/i.test(line)));
        const job = await cluster.accept(makeImport({ rows: 300, ids: 250 }));
        await cluster.untilRows(job, 100);
        await redisOf(cluster).command('CONFIG', 'SET', 'maxmemory', '1');
        await cluster.untilProgress(job);
        await redisOf(cluster).command('CONFIG', 'SET', 'maxmemory', '0');
        const verdict = await cluster.verdict();
        noteFaultRun({ fault: 'Redis maxmemory, allkeys-lru', backend: 'redis', injections: 1, verdict });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    'F14: forged, repeated and senseless deliveries change nothing',
    () =>
      withCluster({ ...PACE }, async (cluster) => {
        const job = await cluster.accept(makeImport({ rows: 300, ids: 250 }));
        const queue = new Queue('imports', {
          connection: { port: redisOf(cluster).port, maxRetriesPerRequest: null },
          prefix: await prefixOf(cluster),
        });
        const forged: unknown[] = [
          ...Array.from({ length: 20 }, (_, revision) => ({ jobId: job, revision })),
          { jobId: '00000000-0000-4000-8000-000000000000', revision: 0 },
          { jobId: "'; DROP TABLE users; --", revision: 0 },
          { jobId: job, revision: '1' },
          { jobId: [job], revision: 1 },
          {},
        ];
        for (const data of [...forged, ...forged]) await queue.add('slice', data);
        await queue.close();
        const verdict = await cluster.verdict();
        expect(cluster.worker().log.join('\n')).toContain('delivery ignored');
        noteFaultRun({
          fault: 'forged deliveries',
          backend: 'redis',
          injections: forged.length * 2,
          verdict,
        });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    'F17: connections to Redis that are dead without a word are noticed; the job goes on within 30 s',
    () =>
      withCluster({ ...PACE, workers: 2 }, async (cluster) => {
        const job = await cluster.accept(makeImport({ rows: 500, ids: 450 }));
        await cluster.untilRows(job, 100);
        cluster.redisProxy?.blackHole();
        cluster.redisProxy?.heal();
        const recoveryMs = await cluster.untilProgress(job);
        expect(recoveryMs).toBeLessThan(30_000);
        const verdict = await cluster.verdict();
        noteFaultRun({
          fault: 'half-open connections to Redis',
          backend: 'redis',
          injections: 1,
          verdict,
          recoveryMs,
        });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    'F6: processes that are asked to end while Redis is down end within 10 s',
    () =>
      withCluster({ ...PACE }, async (cluster) => {
        const job = await cluster.accept(makeImport({ rows: 300, ids: 250 }));
        await cluster.untilRows(job, 100);
        await redisOf(cluster).kill();
        const asked = performance.now();
        await Promise.all([cluster.end(cluster.worker(), 'SIGTERM'), cluster.end(cluster.api(), 'SIGTERM')]);
        expect(performance.now() - asked).toBeLessThan(10_000);
        await redisOf(cluster).start();
        await cluster.start('api');
        await cluster.start('worker');
        const verdict = await cluster.verdict();
        noteFaultRun({ fault: 'SIGTERM while Redis is down', backend: 'redis', injections: 2, verdict });
      }),
    TIMEOUT_MS,
  );
});
