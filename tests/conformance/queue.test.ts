/** The exam that every backend of the delivery queue passes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { freePort } from '#apps/standalone/free-port';
import { createLogger } from '#logger';
import { type Delivery, DeliveryError, type DeliveryQueue } from '#queue/delivery-queue';
import { openQueue, queuePrefix } from '#queue/open-queue';
import { createDatabase, dropDatabase, onServer } from '../support/database';
import { startTcpProxy } from '../support/tcp-proxy';
import { waitFor } from '../support/wait';

const logger = createLogger('test', 'silent');
const UNREACHABLE_DATABASE = 'postgresql://nobody@127.0.0.1:9/nothing';
const UNREACHABLE_REDIS = 'redis://127.0.0.1:9';
const INSTALLATION = randomUUID();
const UNREACHABLE = { databaseUrl: UNREACHABLE_DATABASE, installationId: INSTALLATION, logger };

/** It gives up after a second; a busy machine may be late with it, but nothing else would end before BullMQ's patience. */
const IN_TIME_MS = 5_000;

/** What the queue's keys begin with on Redis. */
const KEYS = `${queuePrefix(INSTALLATION)}:imports`;

let redisDatabase = 800;
const opened: DeliveryQueue[] = [];
const databases: string[] = [];
const servers: ChildProcess[] = [];

async function place(backend: 'postgresql' | 'redis') {
  const databaseUrl = await createDatabase();
  databases.push(databaseUrl);
  const redisUrl = backend === 'redis' ? `${process.env.TEST_REDIS_URL}/${redisDatabase++}` : undefined;
  return { databaseUrl, redisUrl, logger, installationId: INSTALLATION };
}

function open(options: Parameters<typeof openQueue>[0]): DeliveryQueue {
  const queue = openQueue(options);
  opened.push(queue);
  return queue;
}

/** A place whose backend can be taken away and given back, with what it has forgotten in between. */
async function shakyPlace(backend: 'postgresql' | 'redis') {
  const options = await place(backend);
  if (backend === 'postgresql') {
    const name = new URL(options.databaseUrl).pathname.slice(1);
    return {
      options,
      async goAway() {
        await onServer(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
        await onServer(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`);
      },
      comeBack: () => onServer(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`),
    };
  }
  const port = String(await freePort());
  const start = () => {
    servers.push(
      spawn('redis-server', ['--port', port, '--save', '', '--dir', tmpdir()], { stdio: 'ignore' }),
    );
  };
  start();
  return {
    options: { ...options, redisUrl: `redis://127.0.0.1:${port}` },
    async goAway() {
      servers.at(-1)?.kill('SIGKILL');
    },
    comeBack: async () => start(),
  };
}

async function untilReachable(queue: DeliveryQueue): Promise<void> {
  await waitFor('the queue to answer', () =>
    queue.ping().then(
      () => true,
      () => false,
    ),
  );
}

async function refusal(answer: Promise<void>): Promise<{ error: unknown; ms: number }> {
  const startedAt = performance.now();
  const error = await answer.then(
    () => 'none',
    (reason: unknown) => reason,
  );
  return { error, ms: performance.now() - startedAt };
}

const delivery = (revision = 0): Delivery => ({ jobId: randomUUID(), revision });

afterEach(async () => {
  await Promise.all(opened.splice(0).map((queue) => queue.close()));
  for (const url of databases.splice(0)) await dropDatabase(url);
  for (const server of servers.splice(0)) server.kill('SIGKILL');
});

describe.each(['postgresql', 'redis'] as const)('a queue on %s', (backend) => {
  it('brings a delivery to the worker, once', async () => {
    const queue = open(await place(backend));
    const seen: Delivery[] = [];
    queue.work(async (arrived) => void seen.push(arrived), 1);
    const sent = [delivery(1), delivery(2), delivery(3)];
    for (const one of sent) await queue.deliver(one);
    await waitFor('three deliveries', () => seen.length >= 3);
    expect(seen).toEqual(sent);
  });

  it('brings the same delivery twice when it is sent twice', async () => {
    const queue = open(await place(backend));
    const seen: Delivery[] = [];
    queue.work(async (arrived) => void seen.push(arrived), 1);
    const one = delivery();
    await queue.deliver(one);
    await queue.deliver(one);
    await waitFor('both deliveries', () => seen.length === 2);
    expect(seen).toEqual([one, one]);
  });

  it('holds a delivery back for its delay', async () => {
    const queue = open(await place(backend));
    let arrivedAt = 0;
    queue.work(async () => {
      arrivedAt = Date.now();
    }, 1);
    const sentAt = Date.now();
    await queue.deliver(delivery(), 700);
    await waitFor('the delivery', () => arrivedAt > 0);
    expect(arrivedAt - sentAt).toBeGreaterThanOrEqual(690);
    expect(arrivedAt - sentAt).toBeLessThan(5_000);
  });

  it('tries a delivery again when its handler fails', async () => {
    const queue = open(await place(backend));
    let tries = 0;
    queue.work(async () => {
      tries++;
      if (tries < 3) throw new Error('not yet');
    }, 1);
    await queue.deliver(delivery());
    await waitFor('the third try', () => tries === 3);
  });

  it('that is exchanged comes again at the end of the queue, and the try that fails is one of the other', async () => {
    const queue = open(await place(backend));
    const [own, other, behind] = [delivery(1), delivery(2), delivery(3)];
    for (const one of [own, behind]) await queue.deliver(one);
    const seen: Delivery[] = [];
    queue.work(async (arrived, _wasInterrupted, exchange) => {
      seen.push(arrived);
      if (seen.length > 1) return;
      await exchange(other);
      throw new Error('of the other');
    }, 1);
    await waitFor('all three', () => seen.length === 4);
    // The other comes when its pause is over, wherever that is.
    expect(seen.filter(({ revision }) => revision !== 2)).toEqual([own, behind, own]);
    expect(seen).toContainEqual(other);
  });

  it('never works on more than its concurrency at a time, and closing waits for what is in work', async () => {
    const queue = open(await place(backend));
    let active = 0;
    let most = 0;
    let done = 0;
    const worker = queue.work(async () => {
      most = Math.max(most, ++active);
      await new Promise((resolve) => setTimeout(resolve, 100));
      active--;
      done++;
    }, 1);
    for (let n = 0; n < 4; n++) await queue.deliver(delivery(n));
    await waitFor('the second delivery', () => done >= 1 && active === 1);
    await worker.close();
    expect({ most, active }).toEqual({ most: 1, active: 0 });
    expect(done).toBeGreaterThanOrEqual(2);
  });

  it('shares its deliveries among two workers, each to one of them', async () => {
    const options = await place(backend);
    const seen: number[] = [];
    const handle = async ({ revision }: Delivery) => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      seen.push(revision);
    };
    open(options).work(handle, 1);
    open(options).work(handle, 1);
    const sender = open(options);
    for (let n = 0; n < 20; n++) await sender.deliver(delivery(n));
    await waitFor('all deliveries', () => seen.length >= 20);
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n));
  });

  it('says in time that it cannot be reached, and never hangs', async () => {
    const queue = open(
      backend === 'redis'
        ? { ...UNREACHABLE, redisUrl: UNREACHABLE_REDIS }
        : { ...UNREACHABLE, redisUrl: undefined },
    );
    for (const answer of [queue.deliver(delivery()), queue.ping()]) {
      const { error, ms } = await refusal(answer);
      expect(error).toBeInstanceOf(DeliveryError);
      expect(ms).toBeLessThan(IN_TIME_MS);
    }
  });

  it('answers a ping when it can be reached', async () => {
    await expect(open(await place(backend)).ping()).resolves.toBeUndefined();
  });

  it('that was opened while its backend was away delivers, once, when it is back', async () => {
    const { options, goAway, comeBack } = await shakyPlace(backend);
    await goAway();
    const queue = open(options);
    const seen: number[] = [];
    open(options).work(async ({ revision }) => void seen.push(revision), 1);
    expect((await refusal(queue.deliver(delivery(1)))).error).toBeInstanceOf(DeliveryError);
    await comeBack();
    await untilReachable(queue);
    await queue.deliver(delivery(2));
    await waitFor('the delivery', () => seen.includes(2));
    await queue.deliver(delivery(3));
    await waitFor('the one behind it', () => seen.includes(3));
    // The first was refused; it may arrive all the same.
    expect(seen.filter((revision) => revision !== 1)).toEqual([2, 3]);
  });

  it('whose backend goes away and comes back refuses in time meanwhile, and works again by itself', async () => {
    const { options, goAway, comeBack } = await shakyPlace(backend);
    const queue = open(options);
    const seen: number[] = [];
    open(options).work(async ({ revision }) => void seen.push(revision), 1);
    await untilReachable(queue);
    await queue.deliver(delivery(1));
    await waitFor('the first delivery', () => seen.includes(1));
    await goAway();
    const { error, ms } = await refusal(queue.deliver(delivery(2)));
    expect(error).toBeInstanceOf(DeliveryError);
    expect(ms).toBeLessThan(IN_TIME_MS);
    await comeBack();
    await untilReachable(queue);
    await queue.deliver(delivery(3));
    await waitFor('the delivery after the outage', () => seen.includes(3));
  });

  it('works on as many deliveries at a time as it is told to', async () => {
    const queue = open(await place(backend));
    let active = 0;
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    queue.work(async () => {
      active++;
      await released;
    }, 3);
    for (let n = 0; n < 3; n++) await queue.deliver(delivery(n));
    await waitFor('three at a time', () => active === 3);
    release();
  });
});

it('what stands in Redis of a failed delivery does not quote its error', async () => {
  const options = await place('redis');
  const queue = open(options);
  let tries = 0;
  queue.work(async () => {
    tries++;
    throw new Error('canary@example.com');
  }, 1);
  await queue.deliver(delivery());
  await waitFor('the last try', () => tries === 4);
  const redis = new Redis(options.redisUrl ?? '');
  const failed = await waitFor('the failed delivery', async () => {
    const [id] = await redis.zrange(`${KEYS}:failed`, '0', '0');
    return id !== undefined && redis.hgetall(`${KEYS}:${id}`);
  });
  await redis.quit();
  expect(failed.failedReason).toBe('delivery failed');
  expect(JSON.stringify(failed)).not.toContain('canary');
});

it('what stands in Redis of a delivery is an id and a number', async () => {
  const options = await place('redis');
  const queue = open(options);
  const one = delivery(7);
  await queue.deliver(one, 60_000);
  const redis = new Redis(options.redisUrl ?? '');
  const keys = await redis.keys(`*${one.jobId}*`);
  const data = await redis.hget(keys[0] ?? '', 'data');
  await redis.quit();
  expect(JSON.parse(data ?? '')).toEqual(one);
});

it('survives a connection to PostgreSQL that is lost at any moment of opening it', async () => {
  const { databaseUrl, ...options } = await place('postgresql');
  const proxy = await startTcpProxy(Number(new URL(databaseUrl).port));
  const proxied = new URL(databaseUrl);
  proxied.port = String(proxy.port);
  const queue = open({ ...options, databaseUrl: proxied.href });
  queue.work(async () => {}, 1);
  // Each cut comes a little later after the one before, so that it meets another step of connecting anew.
  for (let round = 0; round < 40; round++) {
    const asked = queue.ping().catch(() => undefined);
    await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, round))]);
    proxy.cut();
    const other = open({ ...options, databaseUrl: proxied.href });
    await new Promise((resolve) => setTimeout(resolve, round));
    proxy.cut();
    await other.close();
    opened.splice(opened.indexOf(other), 1);
  }
  await waitFor('the queue to answer', () =>
    queue.ping().then(
      () => true,
      () => false,
    ),
  );
  expect(await queue.deliver({ jobId: randomUUID(), revision: 0 })).toBeUndefined();
  await queue.close();
  opened.splice(opened.indexOf(queue), 1);
  await proxy.close();
}, 60_000);
