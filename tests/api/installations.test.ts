/** Two installations on one Redis: each works on its own imports only, and both say that they are not alone. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { queuePrefix } from '#queue/open-queue';
import { readInstallationId } from '#store/installation';
import { emptyRedis, type Muster, startMuster } from '../support/muster';
import { waitFor } from '../support/wait';

const redisUrl = emptyRedis();
const redis = new Redis(redisUrl);
let first: Muster;
let second: Muster;

beforeAll(async () => {
  [first, second] = await Promise.all([
    startMuster({ backend: 'redis', redisUrl }),
    startMuster({ backend: 'redis', redisUrl }),
  ]);
});
afterAll(async () => {
  await Promise.all([first.close(), second.close()]);
  redis.disconnect();
});

it('each works on its own imports, and none takes a delivery of the other', async () => {
  const jobs = await Promise.all(
    [first, second].map((muster, n) => muster.importNdjson(`{"user_id":"of-${n}"}\n`)),
  );
  for (const job of jobs) expect(job).toMatchObject({ status: 'completed', created_rows: 1 });
  for (const [n, muster] of [first, second].entries()) {
    const keys = `${queuePrefix(await readInstallationId(muster.store.pool))}:imports`;
    const ids = await redis.zrange(`${keys}:completed`, '0', '-1');
    const deliveries = await Promise.all(
      ids.map((id) => redis.hmget(`${keys}:${id}`, 'name', 'data', 'progress')),
    );
    expect(deliveries.length).toBeGreaterThan(0);
    for (const [name, data] of deliveries) {
      expect(name).toBe('import');
      expect(JSON.parse(String(data)).jobId).toBe(jobs[n]?.job_id);
    }
    expect(deliveries.map(([, , progress]) => progress)).toContain('{"processed":1,"total":1}');
  }
});

it('both say in /readyz that there is another one', async () => {
  for (const muster of [first, second]) {
    await waitFor('the other one to be seen', async () => {
      const { body } = await muster.get('/readyz').expect(200);
      return body.foreign_installations === 1;
    });
  }
});

it('deliveries of before there were prefixes are taken over once, and only by the installation whose job it is', async () => {
  const connection = redis.duplicate({ maxRetriesPerRequest: null });
  const old = new Queue('imports', { connection });
  const add = (jobId: string, delay = 0) =>
    old.add('slice', { jobId, revision: 0 }, { jobId: randomUUID(), delay });
  const strangers = randomUUID();
  const { key } = await first.addEnvironment('upgraded');
  const busy = await first.importNdjson('{"user_id":"a"}\n', key);
  await first.store.pool.query(
    "UPDATE jobs SET status = 'queued', ended_at = NULL, holds_slot = true, due_at = now() + interval '1 hour' WHERE id = $1",
    [busy.job_id],
  );
  await add(busy.job_id);
  await add(busy.job_id, 3_600_000);
  await add(strangers);
  await old.add('slice', { garbage: true }, { jobId: randomUUID() });
  const worker = first.startWorker();
  await waitFor(
    'what is ours to be taken over',
    async () => (await old.getJobs(['wait', 'delayed'])).length === 2,
  );
  const left = await old.getJobs(['wait', 'delayed']);
  expect(left.map(({ data }) => data.jobId)).toEqual(expect.arrayContaining([strangers, undefined]));
  const keys = `${queuePrefix(await readInstallationId(first.store.pool))}:imports`;
  await waitFor('the one that is due later', async () => (await redis.zcard(`${keys}:delayed`)) === 1);
  await worker.close();
  await old.close();
  connection.disconnect();
});
