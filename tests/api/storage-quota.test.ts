/** MAX_STORED_BYTES: an environment keeps so many bytes of imports and no more, whatever races. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { deleteExpired } from '#store/retention';
import { type Muster, startMuster, unique } from '../support/muster';
import { ndjsonOfBytes } from './support/form';
import { openRaw, requestHead } from './support/raw-http';

const USERS = '/v1/users/bulk_identify';
const QUOTA = 4_000_000;

describe('an environment with a quota of bytes', () => {
  let muster: Muster;
  beforeAll(async () => {
    muster = await startMuster({ maxStoredBytes: QUOTA });
  });
  afterAll(() => muster.close());

  const post = (key: string, body: Buffer, query = '') =>
    muster.post(`${USERS}${query}`, key).set('Content-Type', 'application/x-ndjson').send(body.toString());
  const traces = async (environmentId: number) => {
    const { rows } = await muster.store.pool.query(
      `SELECT (SELECT count(*)::int FROM jobs WHERE environment_id = $1) AS jobs,
              (SELECT count(DISTINCT job_id)::int FROM staged_rows WHERE environment_id = $1) AS staged,
              (SELECT count(*)::int FROM uploads WHERE environment_id = $1) AS uploads,
              (SELECT bytes::int FROM stored_imports WHERE environment_id = $1) AS bytes`,
      [environmentId],
    );
    return rows[0];
  };

  it('refuses with 507 what would go beyond, leaves nothing of it, and takes what still fits', async () => {
    const { key, environmentId } = await muster.addEnvironment(unique());
    const first = await post(key, ndjsonOfBytes(3_000_000)).expect(202);
    await muster.finished(first.body.job_id, key);
    const before = await traces(environmentId);
    expect(before).toEqual({ jobs: 1, staged: 1, uploads: 0, bytes: 3_000_000 });
    // More than one buffer, and less: found while it is read, and when its job is made.
    for (const size of [2_500_000, 1_000_001]) {
      const { body } = await post(key, ndjsonOfBytes(size)).expect(507);
      expect(body.errors[0]).toMatchObject({
        error_code: 'storage_full',
        error: 'Insufficient Storage',
        details: expect.stringContaining('MAX_STORED_BYTES'),
      });
      expect(await traces(environmentId)).toEqual(before);
    }
    const dry = await post(key, ndjsonOfBytes(1_000_000), '?dry_run=true').expect(202);
    expect(await traces(environmentId)).toMatchObject({ jobs: 2, bytes: QUOTA });
    await muster.finished(dry.body.job_id, key);

    // Full: refused before the body is asked for.
    const connection = await openRaw(muster.url);
    await connection.write(
      requestHead('POST', USERS, {
        Authorization: `Token ${key}`,
        'Content-Type': 'application/x-ndjson',
        'Content-Length': 10,
        Expect: '100-continue',
      }),
    );
    expect(await connection.answer()).toMatchObject({ status: 507, informational: [] });
    await connection.reset();
    await muster.post(`/v1/background_jobs/${first.body.job_id}/retry`, key).expect(507);

    // What retention deletes makes room again.
    await muster.store.pool.query("UPDATE jobs SET ended_at = ended_at - interval '2 days' WHERE id = $1", [
      dry.body.job_id,
    ]);
    while (await deleteExpired(muster.store, 30));
    expect(await traces(environmentId)).toEqual(before);
    const next = await post(key, ndjsonOfBytes(1_000_000)).expect(202);
    await muster.finished(next.body.job_id, key);
  });

  it('is not exceeded by imports that are made at the same time, nor by retries', async () => {
    const { key, environmentId } = await muster.addEnvironment(unique());
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => post(key, ndjsonOfBytes(900_000), '?on_busy=queue')),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([
      ...Array(4).fill(202),
      ...Array(6).fill(507),
    ]);
    expect(await traces(environmentId)).toMatchObject({ jobs: 4, staged: 4, bytes: 3_600_000 });
    for (const { status, body } of answers) if (status === 202) await muster.finished(body.job_id, key);
    const failed = await post(key, Buffer.from(`${'{"bad":1}\n'.repeat(35_000)}`)).expect(413);
    expect(failed.body.errors[0].error_code).toBe('too_many_rows');
    const bad = await post(key, Buffer.from(`{"pad":"${'x'.repeat(250_000)}"}\n`)).expect(202);
    await muster.finished(bad.body.job_id, key);
    const { body } = await muster.post(`/v1/background_jobs/${bad.body.job_id}/retry`, key).expect(507);
    expect(body.errors[0].error_code).toBe('storage_full');
    expect(await traces(environmentId)).toMatchObject({ jobs: 5, staged: 5 });
  });

  it('has one of its own: another that is full does not count', async () => {
    const full = await muster.addEnvironment(unique());
    await muster.store.pool.query(
      `INSERT INTO stored_imports VALUES ($1, $2) ON CONFLICT (environment_id) DO UPDATE SET bytes = excluded.bytes`,
      [full.environmentId, QUOTA],
    );
    await post(full.key, ndjsonOfBytes(100)).expect(507);
    const { key } = await muster.addEnvironment(unique());
    const { body } = await post(key, ndjsonOfBytes(100)).expect(202);
    await muster.finished(body.job_id, key);
  });

  it('gives the answer of a request that was done before, also when it is full', async () => {
    const { key, environmentId } = await muster.addEnvironment(unique());
    const send = (idempotencyKey: string) =>
      post(key, ndjsonOfBytes(1_000)).set('Idempotency-Key', idempotencyKey);
    const idempotencyKey = randomUUID();
    const first = await send(idempotencyKey).expect(202);
    await muster.finished(first.body.job_id, key);
    await muster.store.pool.query('UPDATE stored_imports SET bytes = $2 WHERE environment_id = $1', [
      environmentId,
      QUOTA,
    ]);
    expect((await send(idempotencyKey).expect(202)).text).toBe(first.text);
    const other = randomUUID();
    await send(other).expect(507);
    await muster.store.pool.query('UPDATE stored_imports SET bytes = 0 WHERE environment_id = $1', [
      environmentId,
    ]);
    await muster.finished((await send(other).expect(202)).body.job_id, key);
  });
});
