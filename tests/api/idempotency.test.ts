/** Idempotency-Key: a request that comes again is not done again, whichever process it comes to. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { serveApi } from '#apps/api/serve';
import { createLogger } from '#logger';
import { claimKey } from '#store/idempotency-keys';
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

  it('a claim whose process has died is free after its lease', async () => {
    const { store, environmentId } = muster;
    const claim = { environmentId, key: randomUUID(), jobId: randomUUID() };
    expect(await claimKey(store.pool, claim)).toBeUndefined();
    expect(codeOf(await post('[{"user_id":"heir"}]', claim.key).expect(409))).toBe(
      'idempotency_key_in_flight',
    );
    await store.pool.query(
      "UPDATE idempotency_keys SET claimed_at = claimed_at - interval '21 s' WHERE key = $1",
      [claim.key],
    );
    const { body } = await post('[{"user_id":"heir"}]', claim.key).expect(202);
    await muster.finished(body.job_id);
  });

  it('a key has 1 to 255 characters', async () => {
    for (const key of ['', 'k'.repeat(256)]) {
      expect(codeOf(await post('[{"user_id":"k"}]', key).expect(400))).toBe('invalid_parameter');
    }
    const { body } = await post('[{"user_id":"k"}]', 'k'.repeat(255)).expect(202);
    await muster.finished(body.job_id);
  });
});
