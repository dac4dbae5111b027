/** What a key opens. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createClient } from '#client/index';
import { ensureKey, generateKey } from '#store/api-keys';
import { type Muster, startMuster } from '../support/muster';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster({ usersPerMinute: 1_800, maxRows: 500 });
});
afterAll(() => muster.close());

it('names the environment, what the key may do, and the limits', async () => {
  expect((await muster.get('/v1/environment').expect(200)).body).toEqual({
    slug: 'default',
    scope: 'admin',
    users_per_minute: 1_800,
    max_rows: 500,
    max_bytes: 52_428_800,
  });
});

it('has the throttle of the environment itself, where it has one, and the scope of the key', async () => {
  const { environmentId } = await muster.addEnvironment('own');
  await muster.store.pool.query('UPDATE environments SET users_per_minute = 60 WHERE id = $1', [
    environmentId,
  ]);
  const key = generateKey();
  await ensureKey(muster.store, environmentId, key, 'read');
  const client = createClient({ url: muster.url, apiKey: key });
  expect(await client.environment()).toMatchObject({ slug: 'own', scope: 'read', users_per_minute: 60 });
});

it('is nobody’s without a key', async () => {
  await muster.get('/v1/environment', 'mst_wrong').expect(401);
});
