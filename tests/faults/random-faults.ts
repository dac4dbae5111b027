/** The faults that random runs choose from, and what heals them. */
import type { Cluster } from '../support/cluster';
import type { Backend } from '../support/muster';
import type { PostgresServer } from '../support/postgres-server';
import type { Direction, OneWayFault } from '../support/tcp-proxy';

/** Injects a fault. Returns what heals it. */
export type Fault = (cluster: Cluster, pick: (count: number) => number) => Promise<() => Promise<void>>;

const nothing = async () => {};

/** Bytes to or from a server that do not arrive, or late, while those of the other direction do. */
const oneWay =
  (server: 'PostgreSQL' | 'Redis', direction: Direction, fault: OneWayFault): Fault =>
  async ({ database, redisProxy }) => {
    const proxy = server === 'Redis' ? redisProxy : database;
    proxy?.partition(direction, fault);
    return async () => proxy?.heal();
  };

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
  'connections to PostgreSQL half-open': async (cluster) => {
    cluster.database.blackHole();
    return async () => cluster.database.heal();
  },
  'lock on the users table': async (cluster) => {
    const locker = await cluster.connect();
    await locker.query('BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE');
    return () => locker.end();
  },
  'requests to PostgreSQL dropped': oneWay('PostgreSQL', 'requests', 'drop'),
  'answers of PostgreSQL dropped': oneWay('PostgreSQL', 'answers', 'drop'),
  'requests to PostgreSQL late': oneWay('PostgreSQL', 'requests', 'hold'),
  'answers of PostgreSQL late': oneWay('PostgreSQL', 'answers', 'hold'),
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
  'connections to Redis half-open': async ({ redisProxy }) => {
    redisProxy?.blackHole();
    return async () => redisProxy?.heal();
  },
  'requests to Redis dropped': oneWay('Redis', 'requests', 'drop'),
  'answers of Redis dropped': oneWay('Redis', 'answers', 'drop'),
  'requests to Redis late': oneWay('Redis', 'requests', 'hold'),
};

/** Those that a backend can have, by name. */
export function faultsOf(backend: Backend): [name: string, inject: Fault][] {
  return Object.entries({ ...FAULTS, ...(backend === 'redis' ? REDIS_FAULTS : {}) });
}
