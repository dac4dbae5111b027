/** Jean Technologies' wire as its page "Upsert user" has it: free text and typed fields in, one user out. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureKey, generateKey } from '#store/api-keys';
import { type Muster, startMuster, unique } from '../../support/muster';
import { type Call, putExamples, send } from './jean';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
  await putExamples(muster);
});
afterAll(() => muster.close());

const upsert = (body: unknown, call?: Call) => send(muster, 'POST', '/v1/users', body, call);
const append = (body: unknown) => send(muster, 'POST', '/v1/context', body);
const read = (id: string, query = '?domain=dating') =>
  send(muster, 'GET', `/v1/users/${encodeURIComponent(id)}${query}`);

const EXAMPLE = {
  user_id: 'u_alice',
  domain: 'dating',
  context: '32, NYC, looking for someone serious. Reads a lot, runs in the park, vegetarian.',
  fields: { location: 'New York, NY' },
};

describe('POST /v1/users', () => {
  it('answers the example of the page as the page does', async () => {
    const { status, body } = await upsert(EXAMPLE);
    expect(status).toBe(200);
    expect(body).toEqual({
      user_id: 'u_alice',
      domain: 'dating',
      schema_version: 'dating.v1',
      fields: {
        age: 32,
        location: 'New York, NY',
        relationship_goal: 'serious',
        diet: 'vegetarian',
        interests: ['reading', 'running'],
      },
      extras: {},
      derived: { attachment_style: 'secure', life_stage: 'exploring' },
      embeddings: {
        dating: { dim: 1024, version: expect.stringMatching(/^dating-/), model: 'feature-hash-1' },
      },
      last_enriched_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    expect((await read('u_alice')).body).toEqual(body);
  });

  it('lets fields win over what the text says, in the same call and in later ones', async () => {
    await upsert({ user_id: 'wins', domain: 'dating', fields: { age: 40 }, context: 'I am 30 years old.' });
    const { body } = await upsert({
      user_id: 'wins',
      domain: 'dating',
      context: 'I am 31 years old, vegan.',
    });
    expect(body.fields).toEqual({ age: 40, diet: 'vegan' });
  });

  it('replaces what was extracted before, and takes back an explicit value that is sent as null', async () => {
    await upsert({
      user_id: 'again',
      domain: 'dating',
      fields: { age: 40, x: 1 },
      context: 'Vegan, smoker.',
    });
    const { body } = await upsert({
      user_id: 'again',
      domain: 'dating',
      fields: { age: null, x: null },
      context: 'I am 31.',
    });
    expect(body).toMatchObject({ fields: { age: 31 }, extras: {} });
    expect(Object.keys(body.fields)).toEqual(['age']);
  });

  it('keeps keys that the schema does not know as extras, with every digit', async () => {
    const { text } = await upsert(
      '{"user_id":"extras","domain":"dating","fields":{"age":30,"score":9007199254740993.10,"deep":{"a":[0.10]},"__proto__":{"x":1}}}',
    );
    expect(text).toContain('"extras":{"score":9007199254740993.10,"deep":{"a":[0.10]},"__proto__":{"x":1}}');
    expect((await read('extras')).text).toContain('"score":9007199254740993.10');
  });

  it('writes nothing when the same is sent again', async () => {
    const body = { ...EXAMPLE, user_id: unique() };
    expect((await upsert(body)).body).toEqual((await upsert(body)).body);
  });

  it('brings synonyms of an enum into their form', async () => {
    const { body } = await upsert({
      user_id: 'form',
      domain: 'dating',
      fields: { relationship_goal: 'Something Serious', interests: ['Movies', 'stamps'] },
    });
    expect(body.fields).toEqual({ relationship_goal: 'serious', interests: ['cinema', 'stamps'] });
  });

  it('keeps the address of a memory store, and removes it with the row it belongs to', async () => {
    const memory_ref = 'jeanmemory://tenant/u_alice';
    expect((await upsert({ user_id: 'memory', domain: 'dating', memory_ref })).body).toMatchObject({
      memory_ref,
    });
    await append({ user_id: 'memory', domain: 'dating', context: 'I am 33.' });
    expect((await read('memory')).body).toMatchObject({ memory_ref, fields: { age: 33 } });
    expect((await upsert({ user_id: 'memory', domain: 'dating' })).body).not.toHaveProperty('memory_ref');
  });

  it('names keys of the body that it ignores', async () => {
    const { body } = await upsert({ user_id: 'odd', domain: 'dating', contxt: 'vegan' });
    expect(body).toMatchObject({ fields: {}, warnings: [{ code: 'unknown_key', path: 'contxt' }] });
  });

  it('is about the same user as the other dialects', async () => {
    await muster.importRows([{ user_id: 'same', metadata: { plan: 'pro' } }]);
    await upsert({ user_id: 'same', domain: 'dating', context: 'Vegan.' });
    expect((await read('same', '')).body).toMatchObject({ user_id: 'same', metadata: { plan: 'pro' } });
    await upsert({ user_id: 'only-here', domain: 'hiring', context: 'Python.' });
    expect((await read('only-here', '')).body).toMatchObject({ user_id: 'only-here', metadata: {} });
  });

  it('keeps the domains of a user apart', async () => {
    const context = 'I am 41 years old and know Python.';
    await upsert({ user_id: 'both', domain: 'dating', context });
    const { body } = await upsert({ user_id: 'both', domain: 'hiring', context });
    expect(body.fields).toEqual({ skills: ['python'] });
    expect(Object.keys(body.embeddings)).toEqual(['dating', 'hiring']);
    expect((await read('both')).body.fields).toEqual({ age: 41 });
  });

  it.each([
    ['no user_id', { domain: 'dating' }, 'user_id', "Field 'user_id' is required."],
    ['no domain', { user_id: 'bad' }, 'domain', "Field 'domain' is required."],
    ['a number as id', { user_id: 7, domain: 'dating' }, 'user_id', /string/],
    ['a text that is no string', { user_id: 'bad', domain: 'dating', context: 7 }, 'context', /string/],
    [
      'a text of 100,001 characters',
      { user_id: 'bad', domain: 'dating', context: 'x'.repeat(100_001) },
      'context',
      /100000/,
    ],
    ['U+0000', { user_id: 'bad', domain: 'dating', context: '\u0000' }, 'context', /stored/],
    ['fields that are no object', { user_id: 'bad', domain: 'dating', fields: [] }, 'fields', /object/],
    ['a wrong type', { user_id: 'bad', domain: 'dating', fields: { age: 'old' } }, 'fields.age', /integer/],
    [
      'a value out of bounds',
      { user_id: 'bad', domain: 'dating', fields: { age: 7 } },
      'fields.age',
      /at least 18/,
    ],
    [
      'an unknown value',
      { user_id: 'bad', domain: 'dating', fields: { diet: 'air' } },
      'fields.diet',
      /one of vegetarian/,
    ],
    [
      'a memory_ref that is no URI',
      { user_id: 'bad', domain: 'dating', memory_ref: 'no uri' },
      'memory_ref',
      /URI/,
    ],
  ])('refuses %s by name, and stores nothing', async (_, sent, path, message) => {
    const { status, body } = await upsert(sent);
    expect(status).toBe(400);
    expect(body).toEqual({
      error: { code: 'invalid_request', message: expect.stringMatching(message), details: { path } },
    });
    expect((await read('bad', '')).status).toBe(404);
  });

  it('refuses what would run a parser out of stack', async () => {
    const deep = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`;
    const { status, body } = await upsert(`{"user_id":"deep","domain":"dating","fields":{"x":${deep}}}`);
    expect(status).toBe(400);
    expect(body.error.message).toMatch(/levels/);
  });

  it('takes a text of exactly 100,000 characters, and a body of at most 1 MiB', async () => {
    const context = `${'😀'.repeat(99_980)}I am 33 years old...`;
    const { status, body } = await upsert({ user_id: 'long', domain: 'dating', context });
    expect({ status, fields: body.fields }).toEqual({ status: 200, fields: { age: 33 } });
    const large = await upsert({ user_id: 'long', domain: 'dating', fields: { x: 'x'.repeat(1024 * 1024) } });
    expect(large.status).toBe(413);
    expect(large.body.error.code).toBe('payload_too_large');
  });

  it('says of an unknown domain which ones there are', async () => {
    for (const answer of [
      await upsert({ user_id: 'u', domain: 'cooking' }),
      await append({ user_id: 'u', domain: 'cooking', context: 'x' }),
      await read('u', '?domain=cooking'),
      await send(muster, 'GET', '/v1/schema?domain=cooking'),
    ]) {
      expect(answer.status).toBe(404);
      expect(answer.body.error).toMatchObject({
        code: 'domain_not_found',
        details: { domains: ['dating', 'hiring'] },
      });
      expect(answer.body.error.message).toContain('dating, hiring');
    }
  });

  it('answers keys as the page does', async () => {
    for (const address of ['/v1/users', '/v1/context']) {
      const { status, body, headers } = await send(muster, 'POST', address, EXAMPLE, { key: 'wrong' });
      expect({ status, code: body.error.code }).toEqual({ status: 401, code: 'unauthorized' });
      expect(headers.get('www-authenticate')).toMatch(/muster/);
    }
    const readKey = generateKey();
    await ensureKey(muster.store, muster.environmentId, readKey, 'read');
    const { status, body } = await upsert(EXAMPLE, { key: readKey });
    expect({ status, code: body.error.code }).toEqual({ status: 403, code: 'forbidden' });
  });

  it('applies calls for one user one after another', async () => {
    const id = unique();
    const keys = Array.from({ length: 20 }, (_, n) => `k${n}`);
    const answers = await Promise.all(
      keys.map((name) => upsert({ user_id: id, domain: 'dating', fields: { [name]: 1 } })),
    );
    expect(answers.map(({ status }) => status)).toEqual(keys.map(() => 200));
    expect(Object.keys((await read(id)).body.extras).sort()).toEqual([...keys].sort());
  });
});

describe('POST /v1/context', () => {
  it('merges: what was known stays, lists grow, newer text replaces older text but no explicit value', async () => {
    await upsert({
      user_id: 'grow',
      domain: 'dating',
      fields: { location: 'Rome' },
      context: 'I am 30. Vegan. I love yoga.',
    });
    const { status, body } = await append({
      user_id: 'grow',
      domain: 'dating',
      context: 'I live in Berlin and I am 31 now. Into cycling.',
    });
    expect(status).toBe(200);
    expect(body.fields).toEqual({ age: 31, location: 'Rome', diet: 'vegan', interests: ['yoga', 'cycling'] });
  });

  it('makes the user when there is none', async () => {
    const id = unique();
    const { status } = await append({ user_id: id, domain: 'dating', context: 'Vegan.' });
    expect(status).toBe(200);
    expect((await read(id)).body.fields).toEqual({ diet: 'vegan' });
  });

  it('needs a context', async () => {
    const { status, body } = await append({ user_id: 'u', domain: 'dating' });
    expect({ status, message: body.error.message }).toEqual({
      status: 400,
      message: "Field 'context' is required.",
    });
  });

  it('counts a text once that is sent again because its answer was lost', async () => {
    const id = unique();
    const body = { user_id: id, domain: 'dating', context: 'I am 30 and vegan.' };
    const first = await append(body);
    expect((await append(body)).body).toEqual(first.body);
    expect((await read(id, '?domain=dating&explain=true')).body.contexts).toHaveLength(1);
  });

  it('stops at a million characters of one user in a domain', async () => {
    const text = (n: number) => `${n}`.repeat(100_000);
    const id = unique();
    for (let n = 0; n < 10; n++)
      expect((await append({ user_id: id, domain: 'dating', context: text(n) })).status).toBe(200);
    expect((await append({ user_id: id, domain: 'dating', context: 'x' })).status).toBe(413);
    expect((await upsert({ user_id: id, domain: 'dating', context: text(0) })).status).toBe(200);
  });
});

describe('GET /v1/users/{user_id}?domain=', () => {
  it('explains where each value comes from', async () => {
    await upsert({ ...EXAMPLE, user_id: 'why' });
    const { body } = await read('why', '?domain=dating&explain=true');
    expect(body.provenance).toMatchObject({
      age: {
        source: 'extracted',
        rule: expect.stringMatching(/^fields\.age\.extract\.\d+$/),
        context: body.contexts[0].id,
        spans: [{ start: 0, text: expect.stringMatching(/^32/) }],
      },
      location: { source: 'explicit' },
      relationship_goal: { source: 'extracted', spans: [{ text: 'someone serious' }] },
      interests: { source: 'extracted', spans: [{ text: 'Reads a lot' }, { text: 'runs in' }] },
      attachment_style: {
        source: 'derived',
        rule: 'derived.attachment_style.rules.0',
        from: ['relationship_goal'],
      },
    });
    expect(body.contexts).toMatchObject([{ text: EXAMPLE.context }]);
    expect((await read('why')).body).not.toHaveProperty('provenance');
  });

  it('says that nobody of this id is in the domain', async () => {
    await muster.importRows([{ user_id: 'elsewhere' }]);
    const { status, body } = await read('elsewhere');
    expect({ status, code: body.error.code }).toEqual({ status: 404, code: 'user_not_found' });
  });
});
