/** Idempotency-Key: a request that comes again is not done again, whichever process it comes to. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { serveApi } from '#apps/api/serve';
import { CLAIM_LEASE_MS } from '#job/claim-lease';
import { createLogger } from '#logger';
import { claimKey } from '#store/idempotency-keys';
import { holdProcessLock } from '#store/process-lock';
import { BACKENDS, type Muster, startMuster } from '../support/muster';
import { waitFor } from '../support/wait';
import { FORM_TYPE, filePart, form, ndjsonOfBytes } from './support/form';
import { postBody } from './support/post-body';
import { openRaw, requestHead } from './support/raw-http';

const USERS = '/v1/users/bulk_identify';

describe.each(BACKENDS)('with the queue on %s', (backend) => {
  let muster: Muster;
  beforeAll(async () => {
    muster = await startMuster({ backend, usersPerMinute: 6_000 });
  });
  afterAll(() => muster.close());

  const post = (body: string | Buffer, key: string, path = USERS, headers: Record<string, string> = {}) =>
    postBody(muster, body, { 'Idempotency-Key': key, ...headers }, path);
  const jobs = async () => (await muster.store.pool.query('SELECT id FROM jobs')).rows.length;
  const codeOf = ({ body }: { body: { errors: { error_code: string }[] } }) => body.errors[0]?.error_code;

  it('the same request again gets the same answer while the job runs, afterwards, and from another process', async () => {
    const key = randomUUID();
    const body = JSON.stringify(Array.from({ length: 120 }, (_, n) => ({ user_id: `once${n}` })));
    const first = await post(body, key).expect(202);
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    const before = await jobs();
    const again = await post(body, key).expect(202).expect('Idempotent-Replayed', 'true');
    expect(again.text).toBe(first.text);
    expect(again.headers.location).toBe(first.headers.location);
    await muster.finished(first.body.job_id);

    // A process that has just been started knows nothing but the database.
    const other = await serveApi({ ...muster, logger: createLogger('test', 'silent') });
    const elsewhere = await request(other.url)
      .post(USERS)
      .set({
        Authorization: `Token ${muster.key}`,
        'Idempotency-Key': key,
        'Content-Type': 'application/json',
      })
      .serialize((text) => text)
      .send(body)
      .expect(202);
    await other.close();
    expect(elsewhere.text).toBe(first.text);
    expect(await jobs()).toBe(before);
  });

  it('the bytes of the rows count, not how they are wrapped', async () => {
    const key = randomUUID();
    const file = '{"user_id":"wrapped"}\n';
    const first = await post(file, key, USERS, { 'Content-Type': 'application/x-ndjson' }).expect(202);
    await muster.finished(first.body.job_id);
    const again = await post(form(filePart(file)), key, USERS, { 'Content-Type': FORM_TYPE }).expect(202);
    expect(again.text).toBe(first.text);
  });

  it('another body, other parameters or another kind with the same key is refused', async () => {
    const key = randomUUID();
    const body = '[{"user_id":"reused","company_id":"reused"}]';
    const first = await post(body, key).expect(202);
    await muster.finished(first.body.job_id);
    const before = await jobs();
    const others = [
      post(`${body} `, key),
      post(body, key, `${USERS}?dry_run=true`),
      post(body, key, `${USERS}?metadata=replace`),
      post(body, key, `${USERS}?existing=create_only`),
      post(body, key, `${USERS}?on_busy=queue`),
      post(body, key, '/v1/companies/bulk_identify'),
    ];
    for (const other of others) expect(codeOf(await other.expect(422))).toBe('idempotency_key_reused');
    await post(body, key, `${USERS}?dry_run=false&metadata=merge`).expect(202);
    expect(await jobs()).toBe(before);
  });

  it('the same key of two environments is two keys', async () => {
    const key = randomUUID();
    const stranger = await muster.addEnvironment(`stranger-${backend}`);
    const mine = await post('[{"user_id":"mine"}]', key).expect(202);
    const theirs = await postBody(
      muster,
      '[{"user_id":"theirs"}]',
      { 'Idempotency-Key': key },
      USERS,
      stranger.key,
    ).expect(202);
    expect(theirs.body.job_id).not.toBe(mine.body.job_id);
    await muster.finished(mine.body.job_id);
    await muster.finished(theirs.body.job_id, stranger.key);
  });

  it('a request that was refused leaves its key free', async () => {
    const key = randomUUID();
    expect(codeOf(await post('[', key).expect(400))).toBe('invalid_json');
    expect(codeOf(await post('[]', key).expect(400))).toBe('empty_import');
    const busy = await post('[{"user_id":"busy"}]', randomUUID(), `${USERS}?on_busy=queue`).expect(202);
    const refused = await post('[{"user_id":"late"}]', key);
    expect([202, 409]).toContain(refused.status);
    await muster.finished(busy.body.job_id);
    const { body } = await post('[{"user_id":"late"}]', key).expect(202);
    await muster.finished(body.job_id);
  });

  it('while the first is still being received the second is told to wait; when the first breaks off the key is free', async () => {
    const key = randomUUID();
    const rows = ndjsonOfBytes(3_000_000);
    const first = await openRaw(muster.url);
    await first.write(
      requestHead('POST', USERS, {
        Authorization: `Token ${muster.key}`,
        'Content-Type': 'application/x-ndjson',
        'Idempotency-Key': key,
        'Content-Length': rows.length,
      }),
    );
    await first.write(rows.subarray(0, 2_000_000));
    const claims = async () =>
      (await muster.store.pool.query('SELECT FROM idempotency_keys WHERE key = $1', [key])).rows.length;
    await waitFor('the key to be claimed', async () => (await claims()) === 1);
    const second = await post(rows, key, USERS, { 'Content-Type': 'application/x-ndjson' }).expect(409);
    expect(codeOf(second)).toBe('idempotency_key_in_flight');
    expect(Number(second.headers['retry-after'])).toBeGreaterThan(0);
    await first.reset();
    await waitFor('the key to be free', async () => (await claims()) === 0);
    const third = await post(rows, key, USERS, { 'Content-Type': 'application/x-ndjson' }).expect(202);
    await muster.post(`/v1/background_jobs/${third.body.job_id}/cancel`).expect(202);
  });

  it('of ten at once exactly one is done, and the others get its answer or are told to wait', async () => {
    const key = randomUUID();
    const before = await jobs();
    const body = JSON.stringify([{ user_id: 'ten-at-once' }]);
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(body, key)));
    const accepted = answers.filter(({ status }) => status === 202);
    expect(new Set(accepted.map(({ text }) => text)).size).toBe(1);
    for (const answer of answers.filter(({ status }) => status !== 202)) {
      expect(codeOf(answer)).toBe('idempotency_key_in_flight');
    }
    expect(await jobs()).toBe(before + 1);
    await muster.finished(accepted[0]?.body.job_id);
  });

  const claimOf = async (key: string) =>
    (await muster.store.pool.query('SELECT process_lock FROM idempotency_keys WHERE key = $1', [key]))
      .rows[0];

  it('a claim of a process of which nothing is known is free after its lease, and Retry-After says when', async () => {
    const { store, environmentId } = muster;
    const claim = { environmentId, key: randomUUID(), jobId: randomUUID() };
    expect(await claimKey(store.pool, claim)).toBeUndefined();
    const age = (ms: number) =>
      store.pool.query(
        "UPDATE idempotency_keys SET claimed_at = clock_timestamp() - $2 * interval '1 millisecond' WHERE key = $1",
        [claim.key, ms],
      );
    for (const leftMs of [CLAIM_LEASE_MS, 3_000]) {
      await age(CLAIM_LEASE_MS - leftMs);
      const { headers } = await post('[{"user_id":"heir"}]', claim.key).expect(409);
      const seconds = Number(headers['retry-after']);
      expect(seconds).toBeGreaterThan(0);
      expect(seconds).toBeLessThanOrEqual(leftMs / 1_000);
    }
    await age(CLAIM_LEASE_MS + 1);
    const { body } = await post('[{"user_id":"heir"}]', claim.key).expect(202);
    await muster.finished(body.job_id);
  });

  it('a claim of a process that has died is free at once', async () => {
    const { store, environmentId } = muster;
    const process = holdProcessLock({ ...muster, logger: createLogger('test', 'silent') });
    const processLock = await waitFor('the lock', () => process.number);
    const claim = { environmentId, key: randomUUID(), jobId: randomUUID(), processLock };
    expect(await claimKey(store.pool, claim)).toBeUndefined();
    await post('[{"user_id":"orphan"}]', claim.key).expect(409);
    await process.close();
    const { body } = await post('[{"user_id":"orphan"}]', claim.key).expect(202);
    await muster.finished(body.job_id);
  });

  it('a process that has lost the session of its lock takes the same lock again', async () => {
    const { store } = muster;
    const process = holdProcessLock({ ...muster, logger: createLogger('test', 'silent') });
    const number = await waitFor('the lock', () => process.number);
    const owner =
      "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND (classid::bigint << 32) | objid::bigint = $1";
    const pid = async () => (await store.pool.query(owner, [number])).rows[0]?.pid;
    const before = await pid();
    await store.pool.query('SELECT pg_terminate_backend($1)', [before]);
    await waitFor('another session with the lock', async () => {
      const now = await pid();
      return now !== undefined && now !== before;
    });
    expect(await waitFor('the lock', () => process.number)).toBe(number);
    await process.close();
  });

  it('a living process whose claim was taken over, because its lock was lost, makes no job and leaves no row', async () => {
    const { store } = muster;
    const key = randomUUID();
    const row = '{"user_id":"twice"}\n';
    const before = await jobs();
    const first = await openRaw(muster.url);
    await first.write(
      requestHead('POST', USERS, {
        Authorization: `Token ${muster.key}`,
        'Content-Type': 'application/x-ndjson',
        'Idempotency-Key': key,
        'Content-Length': row.length,
      }),
    );
    const { process_lock } = await waitFor('the claim', () => claimOf(key));
    expect(process_lock).not.toBeNull();
    // As if its session had ended: nobody holds this lock.
    await store.pool.query('UPDATE idempotency_keys SET process_lock = 1 WHERE key = $1', [key]);
    const second = await post(row, key, USERS, { 'Content-Type': 'application/x-ndjson' }).expect(202);
    await muster.finished(second.body.job_id);
    await first.write(row);
    const answer = await first.answer();
    expect({ status: answer.status, code: codeOf(answer as never) }).toEqual({
      status: 409,
      code: 'idempotency_key_in_flight',
    });
    await first.reset();
    expect(await jobs()).toBe(before + 1);
    const again = await post(row, key, USERS, { 'Content-Type': 'application/x-ndjson' }).expect(202);
    expect(again.text).toBe(second.text);
    const { rows } = await store.pool.query('SELECT DISTINCT job_id FROM row_results WHERE id = $1', [
      'twice',
    ]);
    expect(rows).toEqual([{ job_id: second.body.job_id }]);
  });

  it('a key has 1 to 255 characters', async () => {
    for (const key of ['', 'k'.repeat(256)]) {
      expect(codeOf(await post('[{"user_id":"k"}]', key).expect(400))).toBe('invalid_parameter');
    }
    const { body } = await post('[{"user_id":"k"}]', 'k'.repeat(255)).expect(202);
    await muster.finished(body.job_id);
  });
});
