/** Keys: who gets in, and that everyone else is turned away before the body is read. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { revokeKey } from '#store/api-keys';
import { type Muster, startMuster } from '../support/muster';
import { exchange, openRaw, requestHead } from './support/raw-http';
import { expectRefusal } from './support/refusal';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

const JOBS = '/v1/background_jobs';

describe('a key is accepted as', () => {
  it.each([
    ['Authorization: Token', (key: string) => ({ Authorization: `Token ${key}` })],
    ['Authorization: token', (key: string) => ({ Authorization: `token ${key}` })],
    ['Authorization: TOKEN', (key: string) => ({ Authorization: `TOKEN ${key}` })],
    ['Authorization: Bearer', (key: string) => ({ Authorization: `Bearer ${key}` })],
    ['Authorization: bearer', (key: string) => ({ Authorization: `bearer ${key}` })],
    ['x-api-key', (key: string) => ({ 'x-api-key': key })],
    ['X-API-KEY', (key: string) => ({ 'X-API-KEY': key })],
  ])('%s', async (_name, headers) => {
    await request(muster.url).get(JOBS).set(headers(muster.key)).expect(200);
    await request(muster.url).post('/v1/users/bulk_identify').set(headers(muster.key)).send([]).expect(400);
  });
});

describe('without a valid key every address answers 401 unauthorized', () => {
  const withKey: [string, (key: string) => Record<string, string>][] = [
    ['no header', () => ({})],
    ['an empty header', () => ({ Authorization: '' })],
    ['the scheme alone', () => ({ Authorization: 'Token' })],
    ['the scheme and a space', () => ({ Authorization: 'Token ' })],
    ['the key without a scheme', (key) => ({ Authorization: key })],
    ['the scheme Basic', (key) => ({ Authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}` })],
    ['the scheme Basic with the key in clear', (key) => ({ Authorization: `Basic ${key}` })],
    ['no space behind the scheme', (key) => ({ Authorization: `Token${key}` })],
    ['an unknown key', (key) => ({ Authorization: `Token ${key.slice(0, -1)}` })],
    ['a key with something behind it', (key) => ({ Authorization: `Token ${key} x` })],
    ['a key in quotes', (key) => ({ Authorization: `Token "${key}"` })],
    ['a key in other case', (key) => ({ Authorization: `Token ${key.toUpperCase()}` })],
    ['an empty x-api-key', () => ({ 'x-api-key': '' })],
    ['an unknown x-api-key', () => ({ 'x-api-key': 'mst_unknown' })],
    ['SQL as a key', () => ({ 'x-api-key': "' OR 1=1 --" })],
    ['a key of 8 kB', () => ({ Authorization: `Token ${'k'.repeat(8000)}` })],
  ];

  it.each(withKey)('%s', async (_name, headers) => {
    for (const send of [
      () => request(muster.url).get(JOBS).set(headers(muster.key)),
      () =>
        request(muster.url)
          .post('/v1/users/bulk_identify')
          .set(headers(muster.key))
          .send('[{"user_id":"a"}]'),
      () => request(muster.url).get('/no/such/address').set(headers(muster.key)),
      () => request(muster.url).put('/v1/users/bulk_identify').set(headers(muster.key)),
    ]) {
      const answer = await expectRefusal(muster, send, 401, 'unauthorized');
      expect(answer.headers['www-authenticate']).toBe('Token realm="muster"');
    }
  });

  it.each(['key', 'token', 'api_key', 'access_token', 'authorization', 'x-api-key'])(
    'the key in the query as %s',
    async (name) => {
      const send = () => request(muster.url).get(`${JOBS}?${name}=${muster.key}`);
      await expectRefusal(muster, send, 401, 'unauthorized');
    },
  );

  it('a revoked key, from the very next request on', async () => {
    const { key } = await muster.addEnvironment('revoked');
    await muster.get(JOBS, key).expect(200);
    expect(await revokeKey(muster.store, key.slice(0, 12))).toBe(true);
    const revoked = await expectRefusal(muster, () => muster.get(JOBS, key), 401, 'unauthorized');
    const unknown = await muster.get(JOBS, 'mst_unknown');
    expect({ ...revoked.body, request_id: '' }).toEqual({ ...unknown.body, request_id: '' });
  });

  it('the hash of a key does not open anything', async () => {
    const { rows } = await muster.store.pool.query("SELECT encode(hash, 'hex') AS hash FROM api_keys");
    for (const { hash } of rows)
      await expectRefusal(muster, () => muster.get(JOBS, hash), 401, 'unauthorized');
  });
});

describe('the key is looked at before the body', () => {
  const BIG = 40 * 1024 * 1024;
  const head = (headers: Record<string, string> = {}) =>
    requestHead('POST', '/v1/users/bulk_identify', {
      Authorization: 'Token mst_unknown',
      'Content-Type': 'application/json',
      'Content-Length': BIG,
      ...headers,
    });

  it('so the answer comes while a body of 40 MB is not even begun', async () => {
    // The body never comes: an answer is all that there is to wait for.
    await expectRefusal(muster, () => exchange(muster.url, head()), 401, 'unauthorized');
  });

  it('so a client that asks first is not told to go on', async () => {
    const connection = await openRaw(muster.url);
    await connection.write(head({ Expect: '100-continue' }));
    const answer = await connection.answer();
    await connection.reset();
    expect(answer.status).toBe(401);
    expect(answer.informational).toEqual([]);
  });

  it('and before parameters, method and content type', async () => {
    const send = () =>
      request(muster.url)
        .post('/v1/users/bulk_identify?nonsense=1')
        .set('Content-Type', 'text/csv')
        .send('a,b');
    await expectRefusal(muster, send, 401, 'unauthorized');
  });

  it('and the next request on the same connection is understood', async () => {
    const body = '[{"user_id":"a"}]';
    const connection = await openRaw(muster.url);
    await connection.write(head({ 'Content-Length': String(body.length) }) + body);
    expect((await connection.answer()).status).toBe(401);
    await connection.write(requestHead('GET', JOBS, { Authorization: `Token ${muster.key}` }));
    expect((await connection.answer()).status).toBe(200);
    await connection.reset();
  });
});

it('a key is kept as a hash only', async () => {
  const { rows } = await muster.store.pool.query<{ row: string }>(
    'SELECT api_keys::text AS row FROM api_keys',
  );
  for (const { row } of rows) expect(row).not.toContain(muster.key.slice(12));
});
