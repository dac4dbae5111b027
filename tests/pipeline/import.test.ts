/** Whole imports: counters, order, neighbours of bad rows, fairness, and what the rescue brings back. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import ndjson from 'ndjson';
import { rescue } from '#apps/worker/rescue';
import { createLogger } from '#logger';
import { ClockWatch } from '#pipeline/clock-watch';
import { asOwner } from '../support/database';
import { type Muster, startMuster } from '../support/muster';
import { waitFor } from '../support/wait';

const logger = createLogger('test', 'silent');

async function writeNdjson(rows: unknown[]): Promise<Buffer> {
  const stream = ndjson.stringify();
  for (const row of rows) stream.write(row);
  stream.end();
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

const manyUsers = (count: number, value: number) =>
  Array.from({ length: count }, (_, n) => ({ user_id: `u${n}`, metadata: { n, value } }));

describe.each(['postgresql', 'redis'] as const)('with the queue on %s', (backend) => {
  let muster: Muster;
  beforeAll(async () => {
    muster = await startMuster({ backend });
  });
  afterAll(() => muster.close());

  it('10,000 rows of JSON are created, and the same as NDJSON are unchanged', async () => {
    const rows = manyUsers(10_000, 1);
    expect(await muster.importRows(rows)).toMatchObject({
      status: 'completed',
      created_rows: 10_000,
      failed_rows: 0,
    });
    expect(await muster.importNdjson(await writeNdjson(rows))).toMatchObject({
      status: 'completed',
      completed_rows: 10_000,
      unchanged_rows: 10_000,
    });
    const { rows: counted } = await muster.store.pool.query(
      "SELECT count(*)::int AS users, count(DISTINCT metadata->'n')::int AS values FROM users",
    );
    expect(counted).toEqual([{ users: 10_000, values: 10_000 }]);
  });

  it('a job whose delivery was lost is found and finished by the rescue', async () => {
    const { key, environmentId } = await muster.addEnvironment('lost');
    const { rows } = await muster.store.pool.query<{ id: string }>(
      `INSERT INTO jobs (id, environment_id, entity, file_size, total_rows, due_at)
       VALUES (gen_random_uuid(), $1, 'user', 1, 1, now() - interval '1 minute') RETURNING id`,
      [environmentId],
    );
    const id = rows[0]?.id ?? '';
    await muster.store.pool.query('INSERT INTO staged_rows VALUES ($1, $2, 1, 1, \'{"user_id":"u"}\')', [
      environmentId,
      id,
    ]);
    const { store, queue } = muster;
    await rescue({ store, queue, logger, usersPerMinute: 0, clock: new ClockWatch() });
    expect(await muster.finished(id, key)).toMatchObject({ status: 'completed', created_rows: 1 });
  });

  it('forged and outdated deliveries do nothing', async () => {
    const job = await muster.importRows([{ user_id: 'forged', metadata: { a: 1 } }]);
    for (const revision of [0, 1, 2, 99]) await muster.queue.deliver({ jobId: job.job_id, revision });
    await muster.queue.deliver({ jobId: '00000000-0000-4000-8000-000000000000', revision: 0 });
    const after = await muster.importRows([{ user_id: 'forged-after' }]);
    expect(after.status).toBe('completed');
    const { body } = await muster.get(`/v1/background_jobs/${job.job_id}`).expect(200);
    expect(body).toEqual({ ...job, links: expect.any(String) });
  });
});

describe('an import', () => {
  let muster: Muster;
  beforeAll(async () => {
    muster = await startMuster();
  });
  afterAll(() => muster.close());

  it('of bad rows first, in the middle and last keeps their neighbours and says why, line by line', async () => {
    const job = await muster.importNdjson(
      [
        'not json',
        '',
        '{"user_id":"b1"}',
        '{"user_id":7}',
        '  ',
        '{"user_id":"b2"}',
        '{"user_id":"b3","meta',
      ].join('\r\n'),
    );
    expect(job).toMatchObject({
      status: 'completed',
      total_rows: 5,
      completed_rows: 5,
      created_rows: 2,
      failed_rows: 3,
    });
    const refused = await muster.results(job.job_id, '?outcome=failed');
    expect(refused.map(({ row, errors }) => [row, errors[0]?.code, errors[0]?.path])).toEqual([
      [1, 'invalid_json', ''],
      [3, 'id_invalid', 'user_id'],
      [5, 'invalid_json', ''],
    ]);
    const { rows } = await muster.store.pool.query(
      'SELECT line FROM staged_rows WHERE job_id = $1 ORDER BY row',
      [job.job_id],
    );
    expect(rows.map(({ line }) => line)).toEqual([1, 3, 4, 6, 7]);
  });

  it('of nothing but bad rows fails with a reason and frees the slot', async () => {
    const job = await muster.importNdjson('1\n2\n3');
    expect(job).toMatchObject({ status: 'failed', failed_rows: 3, error: { code: 'no_rows_applied' } });
    expect((await muster.importRows([{ user_id: 'after-bad' }])).status).toBe('completed');
  });

  it('applies rows of the same id in file order', async () => {
    const rows = Array.from({ length: 2_000 }, (_, n) => ({
      user_id: 'same',
      metadata: { last: n, [`k${n % 5}`]: n },
    }));
    expect(await muster.importRows(rows)).toMatchObject({ created_rows: 1, updated_rows: 1_999 });
    const { body } = await muster.get('/v1/users/same').expect(200);
    expect(body.metadata).toEqual({ last: 1999, k0: 1995, k1: 1996, k2: 1997, k3: 1998, k4: 1999 });
  });

  it('reads numbers and strings back as they were written', async () => {
    const metadata =
      '{"a":9007199254740993,"b":0.10,"c":1234567890123456789012345678901234567890,"d":"007","__proto__":"p","e":"\\u2028"}';
    await muster.importNdjson(`{"user_id":"exact","metadata":${metadata}}`);
    const { text } = await muster.get('/v1/users/exact').expect(200);
    for (const part of [
      '9007199254740993',
      '0.10',
      '1234567890123456789012345678901234567890',
      '"007"',
      '"__proto__": "p"',
    ]) {
      expect(text).toContain(part);
    }
  });

  it('merges: keys that are not sent stay, null removes, company_id null detaches', async () => {
    await muster.importRows([{ user_id: 'm', company_id: 'c', metadata: { a: 1, b: 2 } }]);
    await muster.importRows([{ user_id: 'm', metadata: { b: null, c: 3 } }]);
    expect((await muster.get('/v1/users/m')).body).toMatchObject({
      company_id: 'c',
      metadata: { a: 1, c: 3 },
    });
    await muster.importRows([{ user_id: 'm', company_id: null }]);
    expect((await muster.get('/v1/users/m')).body).toMatchObject({
      company_id: null,
      metadata: { a: 1, c: 3 },
    });
  });

  it('warns of ignored keys and of properties whose type has changed', async () => {
    await muster.importRows([{ user_id: 'w', metadata: { age: 7 } }]);
    const job = await muster.importRows([
      { user_id: 'w', metadata: { age: 'seven' }, nickname: 'x' },
      { user_id: 'x', metadata: { age: 'eight' } },
    ]);
    expect(job.warnings).toEqual([
      expect.objectContaining({ code: 'type_changed', path: 'metadata.age', rows: 2 }),
      expect.objectContaining({ code: 'unknown_key_ignored', path: 'nickname', rows: 1 }),
    ]);
  });

  it('fails only the row that the database refuses', async () => {
    await asOwner(
      muster.databaseUrl,
      "ALTER TABLE users ADD CONSTRAINT no_poison CHECK (NOT metadata ? 'poison') NOT VALID",
    );
    const rows: unknown[] = manyUsers(100, 2);
    rows[57] = { user_id: 'u57', metadata: { poison: true } };
    const job = await muster.importRows(rows);
    await asOwner(muster.databaseUrl, 'ALTER TABLE users DROP CONSTRAINT no_poison');
    expect(job).toMatchObject({ status: 'completed', created_rows: 99, failed_rows: 1 });
    const [refused] = await muster.results(job.job_id, '?outcome=failed');
    expect(refused).toMatchObject({ row: 58, id: 'u57', errors: [{ code: 'storage_error' }] });
  });

  it('that fails again and again for no reason of its rows is ended, and its slot is free', async () => {
    await asOwner(muster.databaseUrl, 'ALTER TABLE properties RENAME TO properties_away');
    const { body } = await muster
      .post()
      .send([{ user_id: 'poison', metadata: { a: 1 } }])
      .expect(202);
    await waitFor('the first failed attempts', async () => {
      const { rowCount } = await muster.store.pool.query(
        'UPDATE jobs SET attempts = 9 WHERE id = $1 AND attempts > 0',
        [body.job_id],
      );
      return rowCount === 1;
    });
    const job = await muster.finished(body.job_id);
    await asOwner(muster.databaseUrl, 'ALTER TABLE properties_away RENAME TO properties');
    expect(job).toMatchObject({ status: 'failed', error: { code: 'internal' } });
    expect((await muster.importRows([{ user_id: 'after-poison' }])).status).toBe('completed');
  });
});

describe('at 1,800 users a minute', () => {
  let muster: Muster;
  beforeAll(async () => {
    muster = await startMuster({ usersPerMinute: 1_800 });
  });
  afterAll(() => muster.close());

  it('a job of another environment starts within 2 s on the one worker, and rows come 30 a second', async () => {
    const { key, environmentId } = await muster.addEnvironment('other');
    const { body: large } = await muster.post().send(manyUsers(10_000, 1)).expect(202);
    await waitFor('the large job to be processing', async () => {
      const { body } = await muster.get(`/v1/background_jobs/${large.job_id}`);
      return body.status === 'processing' && body.completed_rows > 0;
    });
    const { body: small } = await muster.post(undefined, key).send(manyUsers(120, 1)).expect(202);
    await waitFor(
      'the start of the small job',
      async () => (await muster.get(`/v1/background_jobs/${small.job_id}`, key)).body.status !== 'queued',
      2_000,
    );
    await muster.finished(small.job_id, key);
    const { rows } = await muster.store.pool.query<{ rows: number; gap: number }>(
      `SELECT count(*)::int AS rows, extract(epoch FROM updated_at - lag(updated_at) OVER (ORDER BY updated_at))::float8 AS gap
       FROM users WHERE environment_id = $1 GROUP BY updated_at ORDER BY updated_at`,
      [environmentId],
    );
    expect(rows.map((slice) => slice.rows)).toEqual([30, 30, 30, 30]);
    const seconds = rows.reduce((sum, { gap }) => sum + (gap ?? 0), 0);
    expect(seconds).toBeGreaterThan(2.5);
  });
});
