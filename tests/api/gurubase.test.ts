/** What Gurubase's memories are beyond the conformance suite: whole, exact, and beside the metadata. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, startMuster } from '../support/muster';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

async function upsert(body: unknown) {
  const answer = await fetch(`${muster.url}/api/v1/default/profiles/`, {
    method: 'POST',
    headers: { 'x-api-key': muster.key, 'Content-Type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: answer.status, body: JSON.parse(await answer.text()) };
}

async function readUser(id: string): Promise<string> {
  const answer = await fetch(`${muster.url}/v1/users/${id}`, { headers: { 'x-api-key': muster.key } });
  return answer.text();
}

describe('POST /api/v1/{guru_slug}/profiles/', () => {
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
});
