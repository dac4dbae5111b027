/**
 * Two APIs, two workers, two environments that import at once, and one random fault after the other, each healed after a
 * while. FAULT_ROUNDS says how many; FAULT_SEED (printed) makes the same ones come again.
 */
import { afterAll, expect, it } from '@jest/globals';
import { createLogger } from '../../src/logger';
import { ensureEnvironment, ensureKey } from '../../src/store/api-keys';
import { openStore } from '../../src/store/client';
import { type Cluster, KEY, withCluster } from '../support/cluster';
import { noteFaultRun } from '../support/fault-report';
import { makeImport } from '../support/imports';
import { BACKENDS } from '../support/muster';
import type { PostgresServer } from '../support/postgres-server';
import { killAll } from '../support/processes';
import { SEED, seededRandom } from '../support/seed';
import { waitFor } from '../support/wait';

const ROUNDS = Number(process.env.FAULT_ROUNDS ?? '3');
const ROUND_TIMEOUT_MS = 120_000;
const OTHER_KEY = 'key-for-the-other-environment';

afterAll(killAll);

/** Injects a fault. Returns what heals it. */
type Fault = (cluster: Cluster, pick: (count: number) => number) => Promise<() => Promise<void>>;

const nothing = async () => {};

const FAULTS: Record<string, Fault> = {
  'kill -9 of a worker': async (cluster, pick) => {
    await cluster.end(cluster.worker(pick(2)), 'SIGKILL');
    return async () => void (await cluster.start('worker'));
  },
  'kill -9 of an API': async (cluster, pick) => {
    await cluster.end(cluster.api(pick(2)), 'SIGKILL');
    return async () => void (await cluster.start('api'));
  },
  'SIGTERM of a worker': async (cluster, pick) => {
    await cluster.end(cluster.worker(pick(2)), 'SIGTERM');
    return async () => void (await cluster.start('worker'));
  },
  'SIGSTOP of a worker': async (cluster, pick) => {
    const stopped = cluster.worker(pick(2));
    stopped.child.kill('SIGSTOP');
    return async () => void stopped.child.kill('SIGCONT');
  },
  'SIGSTOP of both workers': async (cluster) => {
    const stopped = [...cluster.workers];
    for (const { child } of stopped) child.kill('SIGSTOP');
    return async () => {
      for (const { child } of stopped) child.kill('SIGCONT');
    };
  },
  'PostgreSQL stopped at once': async (cluster) => {
    const postgres = cluster.postgres as PostgresServer;
    await postgres.stopAtOnce();
    return async () => {
      await postgres.start();
      cluster.database.targetPort = postgres.port;
    };
  },
  'connections to PostgreSQL reset': async (cluster) => {
    cluster.database.cut();
    return nothing;
  },
  'connections to PostgreSQL dead without a word': async (cluster) => {
    cluster.database.blackHole();
    return async () => cluster.database.heal();
  },
  'lock on the users table': async (cluster) => {
    const locker = await cluster.connect();
    await locker.query('BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE');
    return () => locker.end();
  },
  'queue forgotten': async (cluster) => {
    if (cluster.redis !== undefined) await cluster.redis.command('FLUSHALL');
    else await cluster.query('DELETE FROM bullmq.job');
    return nothing;
  },
};

const REDIS_FAULTS: Record<string, Fault> = {
  'Redis killed': async ({ redis }) => {
    await redis?.kill();
    return async () => redis?.start();
  },
  'Redis stopped': async ({ redis }) => {
    redis?.signal('SIGSTOP');
    return async () => redis?.signal('SIGCONT');
  },
  'connections to Redis dead without a word': async ({ redisProxy }) => {
    redisProxy?.blackHole();
    return async () => redisProxy?.heal();
  },
};

async function addOtherEnvironment(databaseUrl: string): Promise<void> {
  const logger = createLogger('test', 'silent');
  const store = openStore({ databaseUrl, connections: 1, logger });
  await ensureKey(store, await ensureEnvironment(store, 'other'), OTHER_KEY);
  await store.close();
}

for (const backend of BACKENDS) {
  it.concurrent(
    `${backend}: ${ROUNDS} random faults, seed ${SEED}: nothing lost, duplicated, unexpected or stale`,
    () =>
      withCluster({ backend, apis: 2, workers: 2, postgres: true }, async (cluster) => {
        await addOtherEnvironment(cluster.settings.DATABASE_URL ?? '');
        const random = seededRandom('rounds', backend);
        const pick = (count: number) => Math.floor(random() * count);
        const faults = Object.entries({ ...FAULTS, ...(backend === 'redis' ? REDIS_FAULTS : {}) });
        const environments = [
          { key: KEY, slug: 'default' },
          { key: OTHER_KEY, slug: 'other' },
        ];
        for (let round = 0; round < ROUNDS; round++) {
          const shape = { rows: 200 + pick(300), ids: 150 + pick(100), after: round * 1_000 };
          const jobs: string[] = [];
          for (const { key } of environments) {
            const api = cluster.api(pick(2));
            jobs.push(await cluster.accept(makeImport(shape), { api, key }));
            const refused = await cluster.post(makeImport({ ...shape, after: 900_000_000 }), { api, key });
            expect(refused.status).toBe(409);
          }
          await cluster.untilRows(jobs[0] as string, pick(shape.rows));
          const [name, inject] = faults[pick(faults.length)] as [string, Fault];
          const heal = await inject(cluster, pick);
          const healAt = performance.now() + 1_000 + random() * 8_000;
          await waitFor('the time to heal', () => performance.now() >= healAt);
          await heal();
          const healed = performance.now();
          let recoveryMs = 0;
          for (const [index, { key, slug }] of environments.entries()) {
            const options = { key, timeoutMs: ROUND_TIMEOUT_MS, mayBeAway: true };
            await cluster.follow(jobs[index] as string, options);
            recoveryMs = Math.max(recoveryMs, performance.now() - healed);
            const verdict = await cluster.verdict({ key, slug, mayBeAway: true });
            const fault = `random: ${name}`;
            if (index === 1) noteFaultRun({ fault, backend, injections: 1, verdict, recoveryMs });
          }
        }
      }),
    ROUNDS * ROUND_TIMEOUT_MS,
  );
}
