/** Users of domains by the SDK, and schemas by the command line. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Client, createClient } from '#client/index';
import { exampleSchema } from '../api/jean/jean';
import { type Muster, startMuster } from '../support/muster';

let muster: Muster;
let client: Client;
beforeAll(async () => {
  muster = await startMuster({ workers: 0 });
  client = createClient({ url: muster.url, apiKey: muster.key });
  await client.putSchema('dating', exampleSchema('dating'));
});
afterAll(() => muster.close());

describe('the SDK', () => {
  it('upserts a user from text and fields, adds a text, and reads back with reasons', async () => {
    const context = '32, NYC, looking for someone serious.';
    const user = await client.upsertUser({
      user_id: 'u',
      domain: 'dating',
      context,
      fields: { location: 'Rome' },
    });
    expect(user.fields).toMatchObject({ age: 32, location: 'Rome', relationship_goal: 'serious' });
    const later = await client.appendContext({ user_id: 'u', domain: 'dating', context: 'Vegan now.' });
    expect(later.fields).toMatchObject({ age: 32, diet: 'vegan' });
    const read = await client.domainUser('u', 'dating', { explain: true });
    expect(read.provenance).toMatchObject({
      location: { source: 'explicit' },
      diet: { source: 'extracted' },
    });
  });

  it('lists similar users and reads schemas', async () => {
    await client.upsertUser({ user_id: 'v', domain: 'dating', context: 'Vegan, 33.' });
    const { similar } = await client.similarUsers('u', 'dating', { limit: 5 });
    expect(similar.map(({ user_id }) => user_id)).toEqual(['v']);
    expect(await client.userDomains('u')).toMatchObject([{ domain: 'dating', schema_version: 'dating.v1' }]);
    expect(await client.userDomains('nobody')).toEqual([]);
    expect(await client.schema('dating')).toMatchObject({ schema_version: 'dating.v1' });
  });

  it('throws what the service says, with its code', async () => {
    const unknown = client.upsertUser({ user_id: 'u', domain: 'cooking' });
    await expect(unknown).rejects.toMatchObject({
      status: 404,
      code: 'domain_not_found',
      message: expect.stringContaining('Domains: dating.'),
    });
    const wrong = client.putSchema('dating', '{"fields":{}}');
    await expect(wrong).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('description'),
    });
  });

  it('sends rows of a table one by one, many at a time', async () => {
    const rows = Array.from({ length: 40 }, (_, n) => ({
      user_id: `row-${n}`,
      domain: 'dating',
      context: `I am ${20 + n}.`,
    }));
    const lanes = Array.from({ length: 8 }, async () => {
      for (let row = rows.shift(); row !== undefined; row = rows.shift()) await client.upsertUser(row);
    });
    await Promise.all(lanes);
    expect((await client.domainUser('row-39', 'dating')).fields).toEqual({ age: 59 });
  });
});
