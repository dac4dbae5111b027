/**
 * A target of the Singer protocol, written as such targets are: messages come one a line, records are collected into batches,
 * and a STATE is passed on when everything before it is stored for good.
 */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, startMuster, type WireJob } from '../support/muster';

type Message =
  | { type: 'SCHEMA'; stream: string; schema: object; key_properties: string[] }
  | { type: 'RECORD'; stream: string; record: Record<string, unknown>; time_extracted?: string }
  | { type: 'STATE'; value: object };

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

/** Reads the messages and yields each state as soon as the service has taken over what came before it. */
async function* runTarget(lines: Iterable<string>, batchRows: number): AsyncGenerator<object> {
  let keyProperty = '';
  let batch: string[] = [];
  const flush = async () => {
    if (batch.length === 0) return;
    const body = batch.join('');
    // Batches queue behind each other; a batch that is sent again after a crash is the same job.
    const answer = await fetch(`${muster.url}/v1/users/bulk_identify?on_busy=queue&nested=flatten`, {
      method: 'POST',
      headers: {
        Authorization: `Token ${muster.key}`,
        'Content-Type': 'application/x-ndjson',
        'Idempotency-Key': createHash('sha256').update(body).digest('hex'),
      },
      body,
    });
    expect(answer.status).toBe(202);
    await answer.text();
    batch = [];
  };
  for (const line of lines) {
    const message = JSON.parse(line) as Message;
    if (message.type === 'SCHEMA') keyProperty = message.key_properties[0] ?? '';
    if (message.type === 'RECORD') {
      const { [keyProperty]: id, ...metadata } = message.record;
      batch.push(`${JSON.stringify({ user_id: String(id), metadata })}\n`);
      if (batch.length === batchRows) await flush();
    }
    if (message.type === 'STATE') {
      await flush();
      yield message.value;
    }
  }
  await flush();
}

const record = (id: number, rest: Record<string, unknown>) =>
  JSON.stringify({ type: 'RECORD', stream: 'contacts', record: { id, ...rest } } satisfies Message);

const LINES = [
  JSON.stringify({
    type: 'SCHEMA',
    stream: 'contacts',
    key_properties: ['id'],
    schema: { properties: { id: { type: 'integer' }, plan: { type: ['null', 'string'] } } },
  } satisfies Message),
  ...Array.from({ length: 7 }, (_, n) => record(n, { plan: 'free', address: { city: 'Bern' } })),
  JSON.stringify({ type: 'STATE', value: { contacts: 7 } } satisfies Message),
  // Changes of records that came before, one of them twice.
  record(0, { plan: 'pro' }),
  record(0, { plan: null }),
  record(1, { plan: 'team' }),
  JSON.stringify({ type: 'STATE', value: { contacts: 9 } } satisfies Message),
];

async function runToEnd(): Promise<object[]> {
  const states: object[] = [];
  for await (const state of runTarget(LINES, 3)) states.push(state);
  return states;
}

async function readJobs(): Promise<WireJob[]> {
  const { body } = await muster.get('/v1/background_jobs').expect(200);
  return body as WireJob[];
}

describe('a Singer target', () => {
  it('hands over batch after batch without waiting, and the last record of a key is what is stored', async () => {
    expect(await runToEnd()).toEqual([{ contacts: 7 }, { contacts: 9 }]);
    const jobs = await readJobs();
    expect(jobs.map((job) => job.total_rows)).toEqual([3, 1, 3, 3]);
    for (const { job_id } of jobs) {
      expect(await muster.finished(job_id)).toMatchObject({ status: 'completed', failed_rows: 0 });
    }
    const stored = async (id: number) => (await muster.get(`/v1/users/${id}`).expect(200)).body.metadata;
    expect(await stored(0)).toEqual({ 'address.city': 'Bern' });
    expect(await stored(1)).toEqual({ plan: 'team', 'address.city': 'Bern' });
    expect(await stored(6)).toEqual({ plan: 'free', 'address.city': 'Bern' });
  });

  it('makes no second job of batches that it sends again because it was stopped', async () => {
    const before = await readJobs();
    expect(await runToEnd()).toEqual([{ contacts: 7 }, { contacts: 9 }]);
    expect((await readJobs()).map((job) => job.job_id)).toEqual(before.map((job) => job.job_id));
  });
});
