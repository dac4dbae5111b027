/** The property catalogue: which metadata keys there are, with which types, and how many have them. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createClient } from '#client/index';
import { countProperties, MOST_COUNTED } from '#store/count-properties';
import { asOwner } from '../support/database';
import { type Muster, startMuster } from '../support/muster';
import { expectRefusal } from './support/refusal';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

it('has each key in the order of its bytes, with types, counts, and the job that first sent it', async () => {
  const first = await muster.importRows([
    { user_id: 'u1', metadata: { plan: 'pro', Seats: 3, since: '2026-02-02', é: true } },
    { user_id: 'u2', metadata: { plan: 'free', ['__proto__']: 'x' } },
    { user_id: 'u3' },
    { user_id: 'u4', metadata: { plan: null } },
  ]);
  const second = await muster.importRows([{ user_id: 'u3', metadata: { plan: 7, other: 1 } }]);
  const { body } = await muster.get('/v1/properties').expect(200);
  expect(
    body.map(({ key, types, count, coverage }: Record<string, unknown>) => [key, types, count, coverage]),
  ).toEqual([
    ['Seats', ['Numeric'], 1, 0.25],
    ['__proto__', ['String'], 1, 0.25],
    ['other', ['Numeric'], 1, 0.25],
    ['plan', ['Numeric', 'String'], 3, 0.75],
    ['since', ['Date'], 1, 0.25],
    ['é', ['Boolean'], 1, 0.25],
  ]);
  expect(body[3]).toMatchObject({ first_job_id: first.job_id, estimated: false });
  expect(Date.parse(body[3].last_seen_at)).toBeGreaterThan(Date.parse(body[3].first_seen_at));
  expect(body[2].first_job_id).toBe(second.job_id);
});

it('is of users or of companies, and of one environment', async () => {
  const { body } = await muster
    .post('/v1/companies/bulk_identify')
    .send([{ company_id: 'c1', metadata: { size: 10 } }])
    .expect(202);
  await muster.finished(body.job_id);
  const companies = await muster.get('/v1/properties?entity=company').expect(200);
  expect(companies.body).toMatchObject([{ key: 'size', count: 1, coverage: 1 }]);
  const { key } = await muster.addEnvironment('properties-other');
  expect((await muster.get('/v1/properties', key).expect(200)).body).toEqual([]);
});

it('follows erasure: a key that nobody has any more stays, with a count of 0', async () => {
  const { key } = await muster.addEnvironment('properties-erased');
  await muster.importRows([{ user_id: 'u1', metadata: { gone: 1 } }], key);
  const client = createClient({ url: muster.url, apiKey: key });
  await client.deleteUsers(['u1']);
  expect((await muster.get('/v1/properties', key)).body).toMatchObject([
    { key: 'gone', count: 0, coverage: 0 },
  ]);
});

it('comes page by page, each key once', async () => {
  const { key } = await muster.addEnvironment('properties-pages');
  const metadata = Object.fromEntries(Array.from({ length: 25 }, (_, n) => [`k${n}`, n]));
  await muster.importRows([{ user_id: 'u1', metadata }], key);
  const { body, headers } = await muster.get('/v1/properties?limit=10', key).expect(200);
  expect(body).toHaveLength(10);
  expect(headers.link).toContain('rel="next"');
  const client = createClient({ url: muster.url, apiKey: key });
  const keys: string[] = [];
  for await (const property of client.properties()) keys.push(property.key);
  expect(keys).toEqual(Object.keys(metadata).sort());
});

it('estimates a large environment from a sample, also one that is a small part of the table', async () => {
  const large = await muster.addEnvironment('properties-large');
  const small = await muster.addEnvironment('properties-small-part');
  const fill = `INSERT INTO users (environment_id, user_id, metadata)
    SELECT $1, 'u' || n, CASE WHEN n % 4 = 0 THEN '{"all":1,"quarter":1}' ELSE '{"all":1}' END::jsonb
    FROM generate_series(1, $2) n`;
  await muster.store.pool.query(fill, [large.environmentId, 400_000]);
  await muster.store.pool.query(fill, [small.environmentId, 2 * MOST_COUNTED]);
  await asOwner(muster.databaseUrl, 'ANALYZE users');
  for (const [{ environmentId }, users] of [
    [large, 400_000],
    [small, 2 * MOST_COUNTED],
  ] as const) {
    const { looked, having, share } = await countProperties(muster.store.pool, environmentId, 'user');
    expect(looked).toBeLessThan(users);
    expect((having.get('all') ?? 0) / looked).toBe(1);
    expect((having.get('quarter') ?? 0) / looked).toBeCloseTo(0.25, 1);
    expect(looked / share / users).toBeGreaterThan(0.5);
    expect(looked / share / users).toBeLessThan(2);
  }
});

it('refuses what it does not know', async () => {
  await expectRefusal(muster, () => muster.get('/v1/properties?entity=users'), 400, 'invalid_parameter');
  await expectRefusal(muster, () => muster.get('/v1/properties?limit=0'), 400, 'invalid_parameter');
});
