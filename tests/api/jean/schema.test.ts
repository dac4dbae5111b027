/** Schemas of domains: data, versioned, and refused with the path of the fault. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureKey, generateKey } from '#store/api-keys';
import { type Muster, startMuster } from '../../support/muster';
import { exampleSchema, send } from './jean';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster({ workers: 0 });
});
afterAll(() => muster.close());

const put = (domain: string, body: unknown, key?: string) =>
  send(muster, 'PUT', `/v1/schema?domain=${domain}`, body, key === undefined ? {} : { key });
const get = (query: string) => send(muster, 'GET', `/v1/schema?${query}`);

const field = (more: object) => ({
  description: 'Food.',
  fields: { diet: { description: 'What they eat.', ...more } },
});
const enumOf = (...values: string[]) =>
  field({ type: 'enum', values: Object.fromEntries(values.map((value) => [value, []])) });

describe('PUT /v1/schema', () => {
  it('installs a version, keeps the older ones, and changes nothing when it is sent again', async () => {
    expect((await put('food', enumOf('vegan'))).body).toMatchObject({
      domain: 'food',
      schema_version: 'food.v1',
    });
    expect((await put('food', enumOf('vegan'))).body.schema_version).toBe('food.v1');
    expect((await put('food', enumOf('vegan', 'halal'))).body.schema_version).toBe('food.v2');
    expect((await get('domain=food')).body).toMatchObject({
      schema_version: 'food.v2',
      ...enumOf('vegan', 'halal'),
    });
    expect((await get('domain=food&version=1')).body).toMatchObject({
      schema_version: 'food.v1',
      ...enumOf('vegan'),
    });
    expect((await get('domain=food&version=3')).status).toBe(404);
  });

  it('lets one of two at the same time come first', async () => {
    const answers = await Promise.all([
      put('race', enumOf('a')),
      put('race', enumOf('b')),
      put('race', enumOf('c')),
    ]);
    expect(answers.map(({ body }) => body.schema_version).sort()).toEqual(['race.v1', 'race.v2', 'race.v3']);
  });

  it('is about users that are enriched from then on', async () => {
    await put('later', enumOf('vegan'));
    const user = { user_id: 'u', domain: 'later', fields: { diet: 'vegan', age: 30 } };
    expect((await send(muster, 'POST', '/v1/users', user)).body).toMatchObject({
      fields: { diet: 'vegan' },
      extras: { age: 30 },
    });
    await put('later', { description: 'x', fields: { age: { type: 'integer', description: 'Age.' } } });
    const again = { user_id: 'u', domain: 'later', context: 'Nothing to see.' };
    expect((await send(muster, 'POST', '/v1/context', again)).body).toMatchObject({
      schema_version: 'later.v2',
      fields: {},
      extras: { diet: 'vegan' },
    });
  });

  it.each([
    ['no object', [], ''],
    ['no description', { fields: {} }, 'description'],
    ['an unknown key', { description: 'x', fields: {}, feilds: {} }, ''],
    ['an unknown type', field({ type: 'text' }), 'fields.diet.type'],
    [
      'a name that is none',
      { description: 'x', fields: { 'No Name': { type: 'date', description: 'x' } } },
      'fields.No Name',
    ],
    ['an enum without values', field({ type: 'enum' }), 'fields.diet.values'],
    [
      'a phrase that does not end',
      field({ type: 'integer', extract: [{ phrase: '({value}' }] }),
      'fields.diet.extract.0.phrase',
    ],
    [
      'a phrase without a value',
      field({ type: 'integer', extract: [{ phrase: 'years old' }] }),
      'fields.diet.extract.0.phrase',
    ],
    [
      'a phrase of too many variants',
      field({ type: 'integer', extract: [{ phrase: `${'a? '.repeat(10)}{value}` }] }),
      'fields.diet.extract.0.phrase',
    ],
    [
      'a constant of another type',
      field({ type: 'boolean', extract: [{ phrase: 'x', value: 7 }] }),
      'fields.diet.extract.0.value',
    ],
    [
      'a derived field of an unknown one',
      { ...enumOf('a'), derived: { x: { description: 'x', rules: [{ when: { age: 1 }, value: 1 }] } } },
      'derived.x.rules.0.when.age',
    ],
  ])('refuses %s, with the path of the fault', async (_, body, path) => {
    const { status, body: answer } = await put('bad', body);
    expect(status).toBe(400);
    expect(answer.error).toMatchObject({ code: 'invalid_request', details: { path } });
    expect(answer.error.details.faults.length).toBeGreaterThan(0);
    expect((await get('domain=bad')).status).toBe(404);
  });

  it('refuses names of domains that no address can carry', async () => {
    for (const domain of ['', 'Dating', 'a.b', '1', 'x'.repeat(65), '%00']) {
      expect((await put(domain, enumOf('a'))).status).toBe(400);
    }
  });

  it('takes a key of scope admin, and is seen by its environment only', async () => {
    const key = generateKey();
    await ensureKey(muster.store, muster.environmentId, key, 'import');
    expect((await put('dating', exampleSchema('dating'), key)).status).toBe(403);
    expect((await put('dating', exampleSchema('dating'))).status).toBe(200);
    const other = await muster.addEnvironment('other');
    const { status, body } = await send(muster, 'GET', '/v1/schema?domain=dating', undefined, {
      key: other.key,
    });
    expect({ status, details: body.error.details }).toEqual({ status: 404, details: { domains: [] } });
  });
});
