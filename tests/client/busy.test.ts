/** The client against a Muster whose slot is taken. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Client, createClient, type Job, type ShownStatus, shownStatus } from '#client/index';
import { type Muster, startMuster } from '../support/muster';
import { all } from './support/collect';

let muster: Muster;
let client: Client;
let running: Job;
beforeAll(async () => {
  muster = await startMuster({ workers: 0, usersPerMinute: 60 });
  client = createClient({ url: muster.url, apiKey: muster.key });
  running = await client.importUsers([{ user_id: 'u1' }, { user_id: 'u2' }]);
});
afterAll(() => muster.close());

it('another import is refused at once, with the job that runs and the seconds it will take', async () => {
  const refused = client.importCompanies([{ company_id: 'c1' }]);
  await expect(refused).rejects.toMatchObject({
    status: 409,
    code: 'job_in_progress',
    message: expect.stringContaining(running.job_id),
    retryAfterSeconds: 2,
  });
});

it('a refusal that comes before a large file has been sent is read all the same', async () => {
  const file = new Blob([`{"user_id":"u1","metadata":{"a":"${'x'.repeat(1_000)}"}}\n`.repeat(40_000)]);
  await expect(client.importUsers(file)).rejects.toMatchObject({ code: 'job_in_progress' });
});

it('a job that does not change is waited for by the service, and the same object is the answer', async () => {
  const job = await client.job(running.job_id);
  expect(await client.job(running.job_id, { since: job, wait: 1 })).toBe(job);
});

it('an import may wait its turn, and is seen to', async () => {
  const waiting = await client.importUsers([{ user_id: 'u3' }], { onBusy: 'queue' });
  expect(waiting).toMatchObject({ status: 'queued', queue_position: 1 });
  const canceled = await client.cancel(waiting.job_id);
  expect(canceled).toMatchObject({ status: 'failed', error: { code: 'canceled' } });
  expect(shownStatus(canceled)).toBe('canceled');
  const ids = async (status: ShownStatus) => (await all(client.jobs({ status }))).map((job) => job.job_id);
  expect(await ids('canceled')).toEqual([canceled.job_id]);
  expect(await ids('failed')).toEqual([]);
  expect(await ids('queued')).toEqual([running.job_id]);
});

it('a job that is canceled ends its watch, cannot be canceled again, and leaves its rows to be tried again', async () => {
  const pauses: number[] = [];
  const watcher = createClient({
    url: muster.url,
    apiKey: muster.key,
    sleep: async (ms) => void pauses.push(ms),
  });
  const jobs = watcher.watch(running.job_id);
  expect((await jobs.next()).value).toMatchObject({ status: 'queued' });
  const [next] = await Promise.all([jobs.next(), client.cancel(running.job_id)]);
  expect(next.value).toMatchObject({ status: 'failed', error: { code: 'canceled' } });
  expect((await jobs.next()).done).toBe(true);
  // It is the service that waited, not the client.
  expect(Math.max(...pauses)).toBeLessThanOrEqual(100);
  await expect(client.cancel(running.job_id)).rejects.toMatchObject({ code: 'job_finished' });
  const outcomes = (await all(client.results(running.job_id))).map(({ outcome }) => outcome);
  expect(outcomes).toEqual(['unprocessed', 'unprocessed']);
  running = await client.retry(running.job_id);
  expect(running).toMatchObject({ total_rows: 2, status: 'queued' });
  await expect(client.retry(running.job_id)).rejects.toMatchObject({ code: 'job_not_finished' });
});

it('an import that waits for the slot is accepted when it is free', async () => {
  const waits: number[] = [];
  const patient = createClient({
    url: muster.url,
    apiKey: muster.key,
    async sleep(ms) {
      waits.push(ms);
      await client.cancel(running.job_id);
    },
  });
  const job = await patient.importUsers([{ user_id: 'u4' }], { waitForSlot: true });
  expect(job).toMatchObject({ status: 'queued', total_rows: 1 });
  expect(waits).toEqual([2_000]);
});
