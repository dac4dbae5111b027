/** Erased users are gone from everywhere, at once, and no job that was accepted before brings them back. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, startMuster } from '../support/muster';
import { findTraces } from '../support/traces';
import { waitFor } from '../support/wait';

const CANARY = 'erased@secret.example';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster({ usersPerMinute: 6_000 });
});
afterAll(() => muster.close());

async function erase(
  body: unknown,
  key = muster.key,
  path = '/v1/users',
): Promise<{ status: number; body: { count: number; errors?: { error_code: string }[] } }> {
  const answer = await fetch(`${muster.url}${path}`, {
    method: 'DELETE',
    headers: { Authorization: `Token ${key}`, 'Content-Type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as never };
}

/** Waits until no table of any schema has the text. */
async function scrubbed(text: string): Promise<void> {
  await waitFor(
    `the last trace of ${text}`,
    async () => (await findTraces(muster.store.pool, text)).length === 0,
  );
}

describe('erasing', () => {
  it('removes the user, its rows and its results of finished jobs; their places stay', async () => {
    const job = await muster.importRows([
      { user_id: 'erase1', metadata: { email: CANARY } },
      { user_id: 'stays1' },
      { user_id: 'erase1', metadata: { age: CANARY, bad: [] } },
    ]);
    expect(await findTraces(muster.store.pool, CANARY)).toEqual(
      expect.arrayContaining(['public.users', 'public.staged_rows']),
    );
    expect(await erase({ users: ['erase1', 'never-was-there'] })).toEqual({
      status: 202,
      body: { count: 1, message: expect.any(String) },
    });
    expect(await muster.results(job.job_id)).toEqual([
      expect.objectContaining({ row: 1, id: null, outcome: 'created', erased: true }),
      expect.objectContaining({ row: 2, id: 'stays1', outcome: 'created' }),
      expect.objectContaining({ row: 3, id: null, outcome: 'failed', errors: [], erased: true }),
    ]);
    await scrubbed(CANARY);
    await scrubbed('erase1');
    await muster.get('/v1/users/erase1').expect(404);
    await muster.get('/v1/users/stays1').expect(200);
    const { rows } = await muster.store.pool.query(
      'SELECT row, id, outcome, erased FROM row_results WHERE job_id = $1 ORDER BY row',
      [job.job_id],
    );
    expect(rows).toEqual([
      { row: 1, id: null, outcome: 'created', erased: true },
      { row: 2, id: 'stays1', outcome: 'created', erased: false },
      { row: 3, id: null, outcome: 'failed', erased: true },
    ]);
  });

  it('in the middle of a job is not undone by it, however the id is spelled in its rows', async () => {
    const fillers = Array.from({ length: 250 }, (_, n) => `{"user_id":"filler${n}"}`);
    const ndjson = [
      `{"user_id":"erase2","metadata":{"email":"${CANARY}"}}`,
      ...fillers,
      `{"user_id":"erase2","metadata":{"email":"${CANARY}"}}`,
      `{"user_id":"\\u0065rase2","metadata":{"email":"${CANARY}"}}`,
      '{"user_id":"after-them"}',
    ].join('\n');
    const { body } = await muster.post().attach('file', Buffer.from(ndjson), 'users.ndjson').expect(202);
    await waitFor('the first rows', async () => {
      const job = (await muster.get(`/v1/background_jobs/${body.job_id}`)).body;
      return job.completed_rows > 0;
    });
    expect(await erase({ users: ['erase2'] })).toMatchObject({
      status: 202,
      body: { count: 1, message: expect.any(String) },
    });
    const job = await muster.finished(body.job_id);
    expect(job).toMatchObject({ status: 'completed', created_rows: 252, unchanged_rows: 2, failed_rows: 0 });
    await muster.get('/v1/users/erase2').expect(404);
    expect((await muster.results(job.job_id)).filter(({ erased }) => erased)).toHaveLength(3);
    await scrubbed(CANARY);
    // What comes later is another user of the same name.
    await muster.importRows([{ user_id: 'erase2' }]);
    await muster.get('/v1/users/erase2').expect(200);
  });

  it('beside a running job, again and again, leaves nothing behind', async () => {
    const { key } = await muster.addEnvironment('erase-race');
    const { body } = await muster
      .post(undefined, key)
      .send({ users: Array.from({ length: 400 }, (_, n) => ({ user_id: `r${n}` })) })
      .expect(202);
    const ids = Array.from({ length: 400 }, (_, n) => `r${n}`);
    let erased = 0;
    for (let n = 0; n < 40; n++) {
      const answer = await erase({ users: ids.slice(n * 10, n * 10 + 10) }, key);
      erased += answer.body.count;
    }
    const job = await muster.finished(body.job_id, key);
    expect(job.completed_rows).toBe(400);
    expect((await muster.get('/v1/users', key)).body).toEqual([]);
    expect(erased).toBeLessThanOrEqual(Number(job.created_rows));
  });

  it('of companies, and of another environment, is its own', async () => {
    const { key } = await muster.addEnvironment('erase-other');
    await muster.importRows([{ user_id: 'both' }], key);
    await muster.importRows([{ user_id: 'both' }]);
    expect(await erase({ users: ['both'] }, key)).toMatchObject({
      body: { count: 1, message: expect.any(String) },
    });
    await muster.get('/v1/users/both').expect(200);
    expect(await erase({ companies: ['both'] }, undefined, '/v1/companies')).toMatchObject({
      body: { count: 0, message: expect.any(String) },
    });
    await muster.get('/v1/users/both').expect(200);
  });

  it.each([
    ['{"users":', 400, 'invalid_json'],
    ['{}', 400, 'missing_users'],
    ['{"users":"a"}', 400, 'missing_users'],
    ['{"users":[1]}', 400, 'missing_users'],
    ['{"users":["a\\u0000"]}', 400, 'missing_users'],
    [`{"users":["${'x'.repeat(1_100_000)}"]}`, 413, 'payload_too_large'],
  ])('with the body %.20s is refused', async (text, status, code) => {
    const answer = await erase(text);
    expect([answer.status, answer.body.errors?.[0]?.error_code]).toEqual([status, code]);
  });
});
