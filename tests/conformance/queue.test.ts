/** The exam that every backend of the delivery queue passes. */
import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { createLogger } from '#logger';
import { type Delivery, DeliveryError, type DeliveryQueue } from '#queue/delivery-queue';
import { openQueue } from '#queue/open-queue';
import { createDatabase, dropDatabase } from '../support/database';
import { waitFor } from '../support/wait';

const logger = createLogger('test', 'silent');
const UNREACHABLE_DATABASE = 'postgresql://nobody@127.0.0.1:9/nothing';
const UNREACHABLE_REDIS = 'redis://127.0.0.1:9';

let redisDatabase = 800;
const opened: DeliveryQueue[] = [];
const databases: string[] = [];

async function place(backend: 'postgresql' | 'redis') {
  const databaseUrl = await createDatabase();
  databases.push(databaseUrl);
  const redisUrl = backend === 'redis' ? `${process.env.TEST_REDIS_URL}/${redisDatabase++}` : undefined;
  return { databaseUrl, redisUrl, logger };
}

function open(options: Parameters<typeof openQueue>[0]): DeliveryQueue {
  const queue = openQueue(options);
  opened.push(queue);
  return queue;
}

const delivery = (revision = 0): Delivery => ({ jobId: randomUUID(), revision });

afterEach(async () => {
  await Promise.all(opened.splice(0).map((queue) => queue.close()));
  for (const url of databases.splice(0)) await dropDatabase(url);
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

  it('says within 2 s that it cannot be reached, and never hangs', async () => {
    const queue = open(
      backend === 'redis'
        ? { databaseUrl: UNREACHABLE_DATABASE, redisUrl: UNREACHABLE_REDIS, logger }
        : { databaseUrl: UNREACHABLE_DATABASE, redisUrl: undefined, logger },
    );
    const startedAt = Date.now();
    await expect(queue.deliver(delivery())).rejects.toThrow(DeliveryError);
    await expect(queue.ping()).rejects.toThrow(DeliveryError);
    expect(Date.now() - startedAt).toBeLessThan(4_000);
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
    const [id] = await redis.zrange('bull:imports:failed', '0', '0');
    return id !== undefined && redis.hgetall(`bull:imports:${id}`);
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
