/** Similar users: exact, of the domain only, up to date at once, and nobody who was erased. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, startMuster } from '../../support/muster';
import { putExamples, send } from './jean';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster({ workers: 0, apis: 2 });
  await putExamples(muster);
});
afterAll(() => muster.close());

const upsert = (user_id: string, domain: string, context: string, url = muster.url) =>
  send(muster, 'POST', '/v1/users', { user_id, domain, context }, { url });
const similar = (id: string, query: string, url = muster.url) =>
  send(muster, 'GET', `/v1/users/${id}/similar?${query}`, undefined, { url });
const ids = (body: { similar: { user_id: string }[] }) => body.similar.map(({ user_id }) => user_id);

describe('GET /v1/users/{user_id}/similar', () => {
  beforeAll(async () => {
    await upsert('vegan-runner', 'dating', 'I am 30. Vegan. I run marathons and do yoga.');
    await upsert('vegan-yogi', 'dating', 'Vegan, yoga every day, marathons on weekends. I am 31.');
    await upsert('smoker', 'dating', 'I am 60 and I smoke. Opera and chess.');
    await upsert('coder', 'hiring', 'Python developer with 5 years of experience. Vegan, I run marathons.');
  });

  it('lists the nearest candidates of the domain, best first, without the user', async () => {
    const { status, body } = await similar('vegan-runner', 'domain=dating&limit=5');
    expect(status).toBe(200);
    expect(body).toMatchObject({ user_id: 'vegan-runner', domain: 'dating', embedding: { dim: 1024 } });
    expect(ids(body)).toEqual(['vegan-yogi', 'smoker']);
    const [first, second] = body.similar;
    expect(first.score).toBeGreaterThan(second.score);
    expect(ids((await similar('vegan-runner', 'domain=dating&limit=1')).body)).toEqual(['vegan-yogi']);
  });

  it('makes the head of another domain when it is first asked for, which makes nobody a candidate there', async () => {
    expect((await similar('coder', 'domain=hiring')).body.similar).toEqual([]);
    expect(ids((await similar('coder', 'domain=dating&limit=1')).body)).toEqual(['vegan-runner']);
    const { body } = await send(muster, 'GET', '/v1/users/coder?domain=hiring');
    expect(Object.keys(body.embeddings)).toEqual(['dating', 'hiring']);
    expect(ids((await similar('vegan-runner', 'domain=dating')).body)).not.toContain('coder');
  });

  it('sees what another process has written, and nobody who was erased', async () => {
    const [first = '', second = ''] = muster.urls;
    expect(ids((await similar('smoker', 'domain=dating&limit=1', first)).body)).not.toEqual(['new-smoker']);
    await upsert('new-smoker', 'dating', 'I smoke, I am 60. Opera, chess.', second);
    expect(ids((await similar('smoker', 'domain=dating&limit=1', first)).body)).toEqual(['new-smoker']);
    await upsert('new-smoker', 'dating', 'Vegan, marathons, yoga.', second);
    expect(ids((await similar('vegan-yogi', 'domain=dating', first)).body)).toContain('new-smoker');
    await send(muster, 'DELETE', '/v1/users', { users: ['new-smoker'] }, { url: second });
    for (const url of muster.urls) {
      expect(ids((await similar('vegan-yogi', 'domain=dating', url)).body)).not.toContain('new-smoker');
    }
  });

  it('refuses unknown users, domains and limits', async () => {
    expect(await similar('nobody', 'domain=dating')).toMatchObject({
      status: 404,
      body: { error: { code: 'user_not_found' } },
    });
    await muster.store.pool.query("INSERT INTO users (environment_id, user_id) VALUES ($1, 'no-domain')", [
      muster.environmentId,
    ]);
    expect(await similar('no-domain', 'domain=dating')).toMatchObject({
      status: 404,
      body: { error: { code: 'user_not_found' } },
    });
    expect(await similar('smoker', 'domain=x')).toMatchObject({
      status: 404,
      body: { error: { code: 'domain_not_found' } },
    });
    expect(await similar('smoker', 'domain=dating&limit=0')).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_request' } },
    });
    expect((await similar('smoker', '')).status).toBe(400);
  });

  it('never compares extras', async () => {
    const fields = { note: 'aardvark zeppelin quixotic' };
    for (const id of ['extra-1', 'extra-2'])
      await send(muster, 'POST', '/v1/users', { user_id: id, domain: 'dating', fields });
    expect((await similar('extra-1', 'domain=dating')).body.similar).toEqual([]);
  });
});
