/** The one slot of an environment under a race: one request wins, whichever API it came to, and nothing is lost. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import request from 'supertest';
import { createLogger } from '#logger';
import { ClockWatch } from '#pipeline/clock-watch';
import { runImport } from '#pipeline/run-import';
import { type Muster, startMuster } from '../support/muster';
import { FORM_TYPE, filePart, form, ndjsonOfBytes } from './support/form';
import { traces } from './support/refusal';

const PARALLEL = 6;
/** Jobs whose ends are raced for. */
const ENDINGS = 20;

let muster: Muster;
beforeAll(async () => {
  // No worker: a job ends when the test says so, hence never in the middle of a race.
  muster = await startMuster({ apis: 2, workers: 0 });
});
afterAll(() => muster.close());

function post(n: number, body: string | Buffer, type = 'application/json', collection = 'users') {
  return request(muster.urls[n % 2] ?? '')
    .post(`/v1/${collection}/bulk_identify`)
    .set('Authorization', `Token ${muster.key}`)
    .set('Content-Type', type)
    .serialize((bytes) => bytes)
    .send(body);
}

/** Works on the job until it has ended, as a worker does. */
async function work(jobId: string): Promise<void> {
  const { store, queue } = muster;
  const logger = createLogger('test', 'silent');
  const deps = { store, queue, logger, usersPerMinute: 0, clock: new ClockWatch() };
  for (let tries = 0; tries < 20; tries++) {
    const { rows } = await store.pool.query('SELECT revision, ended_at FROM jobs WHERE id = $1', [jobId]);
    if (rows[0]?.ended_at !== null) return;
    await runImport({ jobId, revision: rows[0]?.revision }, deps);
  }
  throw new Error(`job ${jobId} does not end`);
}

const jobsHolding = async () => {
  const { rows } = await muster.store.pool.query<{ id: string }>(
    "SELECT id FROM jobs WHERE holds_slot OR status NOT IN ('completed', 'failed', 'canceled')",
  );
  return rows.map((row) => row.id);
};

it('in 100 races over two APIs exactly one import is accepted, and the others name it', async () => {
  for (let round = 1; round <= 100; round++) {
    const answers = await Promise.all(
      Array.from({ length: PARALLEL }, (_, n) =>
        round % 2 === 0
          ? post(n, `[{"user_id":"r${round}-${n}"}]`)
          : post(n, form(filePart(`{"user_id":"r${round}-${n}"}\n`)), FORM_TYPE),
      ),
    );
    const statuses = answers.map(({ status }) => status).sort();
    expect({ round, statuses }).toEqual({ round, statuses: [202, ...Array(PARALLEL - 1).fill(409)] });
    const winner = answers.find(({ status }) => status === 202)?.body.job_id;
    expect(await jobsHolding()).toEqual([winner]);
    for (const { status, body, headers } of answers) {
      if (status === 202) continue;
      expect(body.errors[0]).toMatchObject({ error_code: 'job_in_progress' });
      expect(body.errors[0].details).toContain(winner);
      expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    }
    await work(winner);
    expect(await jobsHolding()).toEqual([]);
  }
  // One row of each round, of the winner; nothing of the others.
  expect(await traces(muster)).toEqual({
    jobs: 100,
    slots_taken: 0,
    staged_rows: 100,
    row_tails: 0,
    uploads: 0,
    row_results: 100,
    users: 100,
    companies: 0,
  });
}, 60_000);

it('users and companies race for the same slot', async () => {
  for (let round = 1; round <= 10; round++) {
    const answers = await Promise.all([
      post(0, '[{"user_id":"u"}]'),
      post(1, '[{"company_id":"c"}]', 'application/json', 'companies'),
      post(1, '[{"user_id":"u"}]'),
      post(0, '[{"company_id":"c"}]', 'application/json', 'companies'),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409, 409]);
    await work(answers.find(({ status }) => status === 202)?.body.job_id);
  }
});

it('uploads of megabytes that lose the race after their last byte leave nothing', async () => {
  const before = await traces(muster);
  const body = form(filePart(ndjsonOfBytes(2_000_000)));
  const answers = await Promise.all(Array.from({ length: 4 }, (_, n) => post(n, body, FORM_TYPE)));
  expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409, 409]);
  const winner = answers.find(({ status }) => status === 202)?.body;
  const after = await traces(muster);
  expect(after).toEqual({
    ...before,
    jobs: (before.jobs ?? 0) + 1,
    slots_taken: 1,
    staged_rows: (before.staged_rows ?? 0) + winner.total_rows,
  });
  await work(winner.job_id);
});

it('other environments do not take part in the race', async () => {
  const others = await Promise.all(['a', 'b', 'c'].map((slug) => muster.addEnvironment(slug)));
  const answers = await Promise.all(
    others.map(({ key }) => post(0, '[{"user_id":"u"}]').set('Authorization', `Token ${key}`)),
  );
  expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
  for (const { body } of answers) await work(body.job_id);
});

it('around the end of a job an import is accepted or refused, never two at a time, and none is lost', async () => {
  const before = await traces(muster);
  const worker = muster.startWorker();
  const accepted: string[] = [];
  try {
    await Promise.all(
      Array.from({ length: 4 }, async (_, n) => {
        for (let i = 0; accepted.length < ENDINGS; i++) {
          const { status, body } = await post(n, `[{"user_id":"loop-${n}-${i}"}]`);
          expect([202, 409]).toContain(status);
          if (status === 202) accepted.push(body.job_id);
          expect((await jobsHolding()).length).toBeLessThanOrEqual(1);
        }
      }),
    );
    expect(accepted.length).toBeGreaterThanOrEqual(ENDINGS);
    for (const jobId of accepted) {
      expect(await muster.finished(jobId)).toMatchObject({ status: 'completed', created_rows: 1 });
    }
  } finally {
    await worker.close();
  }
  const after = await traces(muster);
  expect(after.jobs).toBe((before.jobs ?? 0) + accepted.length);
  expect(after.users).toBe((before.users ?? 0) + accepted.length);
}, 120_000);
