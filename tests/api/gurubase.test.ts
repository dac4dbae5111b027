/** Gurubase's wire, to the letter of its page "Upsert User Profiles". */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureKey, generateKey } from '#store/api-keys';
import { type Muster, startMuster } from '../support/muster';

let muster: Muster;
let other: { key: string };
beforeAll(async () => {
  muster = await startMuster();
  other = await muster.addEnvironment('other');
});
afterAll(() => muster.close());

interface Call {
  key?: string;
  slug?: string;
  end?: string;
  url?: string;
  type?: string;
}

async function upsert(body: unknown, call: Call = {}) {
  const { slug = 'default', end = '/', url = muster.url, type = 'application/json' } = call;
  const answer = await fetch(`${url}/api/v1/${slug}/profiles${end}`, {
    method: 'POST',
    headers: { 'x-api-key': call.key ?? muster.key, 'Content-Type': type },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: answer.status, headers: answer.headers, body: JSON.parse(await answer.text()) };
}

async function readUser(id: string): Promise<string> {
  const answer = await fetch(`${muster.url}/v1/users/${id}`, { headers: { 'x-api-key': muster.key } });
  return answer.text();
}

const EXAMPLE = {
  users: [
    { external_user_id: 'user1-id', memory: { name: 'John Doe', email: 'john.doe@example.com' } },
    { external_user_id: 'user2-id', memory: { name: 'Jane Doe', plan: 'premium' } },
  ],
};
const EXAMPLE_ANSWER = {
  status: 'success',
  total_users: 2,
  processed_users: 2,
  users_results: [
    { user_index: 0, external_user_id: 'user1-id', success: true, errors: [] },
    { user_index: 1, external_user_id: 'user2-id', success: true, errors: [] },
  ],
};

describe('POST /api/v1/{guru_slug}/profiles/', () => {
  it.each(['/', ''])(
    'answers the example of the page as the page does, path ending in %j, again and again',
    async (end) => {
      for (let n = 0; n < 2; n++) {
        const { status, body } = await upsert(EXAMPLE, { end });
        expect({ status, body }).toEqual({ status: 200, body: EXAMPLE_ANSWER });
      }
      expect(JSON.parse(await readUser('user2-id'))).toMatchObject({
        user_id: 'user2-id',
        memory: { name: 'Jane Doe', plan: 'premium' },
      });
    },
  );

  it('stores the good users when some fail, and says of each which', async () => {
    const { status, body } = await upsert({
      users: [{ external_user_id: 'user1-id' }, { external_user_id: 'good', memory: {} }, 7, { memory: {} }],
    });
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: 'Failed to process some users', details: [] });
    expect(body.users_results.slice(0, 2)).toEqual([
      { user_index: 0, external_user_id: 'user1-id', success: false, errors: ['Missing memory data'] },
      { user_index: 1, external_user_id: 'good', success: true, errors: [] },
    ]);
    expect(body.users_results.slice(2)).toMatchObject([
      { user_index: 2, external_user_id: null, success: false },
      { user_index: 3, external_user_id: null, success: false, errors: ['Missing external_user_id'] },
    ]);
    expect(await readUser('good')).toContain('"memory":{}');
  });

  it('replaces the memory as a whole and keeps every digit, beside the metadata of the same user', async () => {
    await muster.importRows([{ user_id: 'same', metadata: { plan: 'pro' } }]);
    await upsert(
      '{"users":[{"external_user_id":"same","memory":{"a":{"b":[9007199254740993,0.10,1e2]},"old":1}}]}',
    );
    await upsert(
      '{"users":[{"external_user_id":"same","memory":{"a":{"b":[9007199254740993,0.10,1e2]},"__proto__":{"x":1}}}]}',
    );
    const user = await readUser('same');
    expect(user).toContain('"memory":{"a":{"b":[9007199254740993,0.10,1e2]},"__proto__":{"x":1}}');
    expect(JSON.parse(user).metadata).toEqual({ plan: 'pro' });
    await muster.importRows([{ user_id: 'same', metadata: { plan: 'free' } }]);
    expect(await readUser('same')).toContain('"memory":{"a"');
  });

  it('lets the last of two of one id win, and gives each its result', async () => {
    const { body } = await upsert({
      users: [
        { external_user_id: 'twice', memory: { n: 1 } },
        { external_user_id: 'twice', memory: { n: 2 } },
      ],
    });
    expect(body).toMatchObject({ total_users: 2, processed_users: 2 });
    expect(JSON.parse(await readUser('twice')).memory).toEqual({ n: 2 });
  });

  it('takes ten thousand users', async () => {
    const users = Array.from({ length: 10_000 }, (_, n) => ({ external_user_id: `m${n}`, memory: { n } }));
    const { status, body } = await upsert({ users });
    expect({ status, processed: body.processed_users }).toEqual({ status: 200, processed: 10_000 });
    expect(JSON.parse(await readUser('m9999')).memory).toEqual({ n: 9_999 });
  });

  const deep = (levels: number) => `${'{"a":'.repeat(levels)}{}${'}'.repeat(levels)}`;

  it.each([
    ['a memory that is no object', '{"external_user_id":"bad","memory":[]}'],
    ['a memory deeper than 100 levels', `{"external_user_id":"bad","memory":${deep(100)}}`],
    ['a memory that would run a parser out of stack', `{"external_user_id":"bad","memory":${deep(50_000)}}`],
    ['U+0000', '{"external_user_id":"bad","memory":{"a":["\\u0000"]}}'],
    ['half of a surrogate pair', '{"external_user_id":"bad","memory":{"\\ud800":1}}'],
    ['a memory of more than 1 MiB', `{"external_user_id":"bad","memory":{"a":"${'x'.repeat(1024 * 1024)}"}}`],
    ['a number as id', '{"external_user_id":7,"memory":{}}'],
  ])('refuses %s and stores the user beside it', async (_, user) => {
    const { status, body } = await upsert(`{"users":[${user},{"external_user_id":"beside","memory":{}}]}`);
    expect(status).toBe(400);
    expect(body.users_results).toMatchObject([
      { success: false, errors: [expect.stringMatching(/\w/)] },
      { success: true, errors: [] },
    ]);
    expect(await readUser('bad')).toContain('user_not_found');
  });

  it('takes a memory of exactly 100 levels', async () => {
    const { status } = await upsert(`{"users":[{"external_user_id":"deep","memory":${deep(99)}}]}`);
    expect(status).toBe(200);
  });

  it.each([
    ['no JSON', '{"users":[{"external_user_id":"whole","memory":{}},'],
    ['text after the end', '{"users":[{"external_user_id":"whole","memory":{}}]} x'],
    ['no users', '{}'],
    ['users that are no array', '{"users":{}}'],
  ])('refuses a body that is not valid as a whole, and stores nothing of it: %s', async (_, text) => {
    const { status, body } = await upsert(text);
    expect(status).toBe(400);
    expect(body).toEqual({ error: expect.stringMatching(/\w/), details: [], users_results: [] });
    expect(await readUser('whole')).toContain('user_not_found');
  });

  it('answers keys and slugs as the page does', async () => {
    expect(await upsert(EXAMPLE, { key: 'wrong' })).toMatchObject({
      status: 401,
      body: { msg: 'Invalid API key' },
    });
    expect(await upsert(EXAMPLE, { key: other.key })).toMatchObject({
      status: 403,
      body: { msg: 'Forbidden' },
    });
    expect(await upsert(EXAMPLE, { slug: 'my-guru' })).toMatchObject({
      status: 404,
      body: { msg: 'Guru type my-guru not found' },
    });
    const readKey = generateKey();
    await ensureKey(muster.store, muster.environmentId, readKey, 'read');
    expect(await upsert(EXAMPLE, { key: readKey })).toMatchObject({
      status: 403,
      body: { msg: 'Forbidden' },
    });
  });

  it('says in how many seconds a call is welcome again', async () => {
    const limited = await startMuster({ workers: 0, identifyPerMinute: 1 });
    try {
      const call = { key: limited.key, url: limited.url };
      expect((await upsert(EXAMPLE, call)).status).toBe(200);
      const { status, headers, body } = await upsert(EXAMPLE, call);
      const seconds = headers.get('retry-after');
      expect({ status, body }).toEqual({
        status: 429,
        body: { msg: `Request was throttled. Expected available in ${seconds} seconds.` },
      });
    } finally {
      await limited.close();
    }
  });

  it('forgets the memory with the user', async () => {
    await upsert({ users: [{ external_user_id: 'gone', memory: { secret: 1 } }] });
    const answer = await fetch(`${muster.url}/v1/users`, {
      method: 'DELETE',
      headers: { 'x-api-key': muster.key, 'Content-Type': 'application/json' },
      body: '{"users":["gone"]}',
    });
    expect(await answer.json()).toEqual({ count: 1, message: '1 user was deleted.' });
    await upsert({ users: [{ external_user_id: 'again' }] });
    await muster.importRows([{ user_id: 'gone' }]);
    expect(await readUser('gone')).not.toContain('memory');
  });
});
