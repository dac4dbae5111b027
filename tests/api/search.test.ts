/** `q` of the lists of users and companies: by the beginning of an id, or by the e-mail address. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, readText, startMuster } from '../support/muster';
import { expectRefusal } from './support/refusal';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

async function environmentWith(users: unknown[]): Promise<string> {
  const { key } = await muster.addEnvironment(`q-${Math.random().toString(36).slice(2)}`);
  expect(await muster.importRows(users, key)).toMatchObject({ created_rows: users.length });
  return key;
}

/** Ids that are found, page by page. */
async function find(q: string, key: string, query = '', collection = 'users'): Promise<string[]> {
  const ids: string[] = [];
  for (let path = `/v1/${collection}?q=${encodeURIComponent(q)}${query}`; path !== ''; ) {
    const { body, headers } = await muster.get(path, key).expect(200);
    for (const one of body) ids.push(one.user_id ?? one.company_id);
    const next = /<([^>]+)>/.exec(headers.link ?? '')?.[1];
    const url = next === undefined ? undefined : new URL(next);
    path = url === undefined ? '' : `${url.pathname}${url.search}`;
  }
  return ids;
}

describe('users', () => {
  it('are found by their exact id and by its beginning, by the bytes of the ids', async () => {
    const key = await environmentWith(
      ['ann', 'ann-2', 'Ann', 'anna', 'bob', 'an'].map((id) => ({ user_id: id })),
    );
    expect(await find('ann', key)).toEqual(['ann', 'ann-2', 'anna']);
    expect(await find('ann-2', key)).toEqual(['ann-2']);
    expect(await find('nn', key)).toEqual([]);
    expect(await find('annabel', key)).toEqual([]);
  });

  it.each(['%', '_', 'a%', 'a\\', '*', '.', 'é', 'e\u0301', '😀', '\ud7ff', '\u{10ffff}', "'"])(
    'are found by %j as it stands, not as a pattern',
    async (text) => {
      const others = ['a', 'b', 'ax', 'x', 'z', '\ue000', '\uffff'].filter((id) => !id.startsWith(text));
      const ids = [text, `${text}x`, ...others];
      const key = await environmentWith(ids.map((id) => ({ user_id: id })));
      expect(await find(text, key)).toEqual([text, `${text}x`]);
    },
  );

  it('are found by their whole e-mail address in any case, each once', async () => {
    const key = await environmentWith([
      { user_id: 'u1', metadata: { email: 'Jane.Doe@Example.com' } },
      { user_id: 'u2', metadata: { email: 'jane.doe@example.com' } },
      { user_id: 'u3', metadata: { email: 'jane.doe@example.community' } },
      { user_id: 'u4', metadata: { mail: 'jane.doe@example.com' } },
      { user_id: 'jane.doe@example.com', metadata: { email: 'JANE.DOE@EXAMPLE.COM' } },
    ]);
    const all = ['jane.doe@example.com', 'u1', 'u2'];
    expect(await find('JANE.doe@example.COM', key)).toEqual(all);
    expect(await find('jane.doe@example.com', key)).toEqual(all);
    expect(await find('jane.doe@example.com', key, '&limit=1')).toEqual(all);
    expect(await find('jane.doe', key)).toEqual(['jane.doe@example.com']);
  });

  it('are found by the address that they have now', async () => {
    const key = await environmentWith([{ user_id: 'u', metadata: { email: 'old@example.com' } }]);
    await muster.importRows([{ user_id: 'u', metadata: { email: 'new@example.com' } }], key);
    expect(await find('old@example.com', key)).toEqual([]);
    expect(await find('new@example.com', key)).toEqual(['u']);
    await muster.importRows([{ user_id: 'u', metadata: { email: null } }], key);
    expect(await find('new@example.com', key)).toEqual([]);
  });

  it('may have anything as their address, also what no index entry could hold', async () => {
    const id = '\u{10ffff}'.repeat(128);
    const long = '\u{1f600}'.repeat(20_000);
    const key = await environmentWith([
      { user_id: id, metadata: { email: long } },
      { user_id: 'n', metadata: { email: 17 } },
      { user_id: 'b', metadata: { email: true } },
    ]);
    expect(await find(id, key)).toEqual([id]);
    expect(await find('17', key)).toEqual(['n']);
    expect(await find(long.slice(0, 320), key)).toEqual([]);
  });

  it('are found page by page among many, together with the other filters', async () => {
    const users = Array.from({ length: 1_200 }, (_, n) => ({
      user_id: `user-${String(n).padStart(4, '0')}`,
      company_id: n % 2 === 0 ? 'even' : 'odd',
      metadata: { email: n % 3 === 0 ? 'user-00@example.com' : `u${n}@example.com` },
    }));
    const key = await environmentWith(users);
    const all = users.map(({ user_id: id }) => id);
    expect(await find('user-', key, '&limit=500')).toEqual(all);
    expect(await find('user-01', key, '&limit=7')).toEqual(all.slice(100, 200));
    const even = all.filter((_, n) => n % 2 === 0);
    expect(await find('user-', key, '&company_id=even&limit=99')).toEqual(even);
    const shared = all.filter((_, n) => n % 3 === 0);
    expect(await find('USER-00@example.com', key, '&limit=50')).toEqual(shared);
    expect(await find('USER-00@example.com', key, '&company_id=even')).toEqual(
      shared.filter((id) => even.includes(id)),
    );
    expect(await find('user-', key, '&user_id=user-0007')).toEqual(['user-0007']);
    const { body } = await muster
      .get('/v1/users?q=user-0', key)
      .set('Accept', 'application/x-ndjson')
      .buffer()
      .parse(readText)
      .expect(200);
    expect((body as string).trim().split('\n')).toHaveLength(1_000);
  });

  it('of another environment, and those who were erased, are not found', async () => {
    const metadata = { email: 'same@example.com' };
    const key = await environmentWith([
      { user_id: 'same-1', metadata },
      { user_id: 'same-2', metadata },
    ]);
    const other = await environmentWith([{ user_id: 'same-3', metadata }]);
    const answer = await fetch(`${muster.url}/v1/users`, {
      method: 'DELETE',
      headers: { Authorization: `Token ${key}`, 'Content-Type': 'application/json' },
      body: '{"users":["same-1"]}',
    });
    expect(answer.status).toBe(202);
    for (const q of ['same', 'same-', 'same@example.com']) {
      expect(await find(q, key)).toEqual(['same-2']);
      expect(await find(q, other)).toEqual(['same-3']);
    }
  });
});

it('companies are found by the beginning of their id', async () => {
  const { key } = await muster.addEnvironment('companies');
  const { body } = await muster
    .post('/v1/companies/bulk_identify', key)
    .send({
      companies: ['acme', 'acme-2', 'other'].map((id) => ({ company_id: id, metadata: { email: 'acme' } })),
    })
    .expect(202);
  await muster.finished(body.job_id, key);
  expect(await find('acme', key, '&limit=1', 'companies')).toEqual(['acme', 'acme-2']);
  expect(await find('ACME', key, '', 'companies')).toEqual([]);
});

it.each(['q=', 'q=%00', `q=${'x'.repeat(321)}`, 'q=a&q=b', 'q[]=a', 'query=a', 'Q=a'])(
  'refuses %s',
  async (query) => {
    for (const collection of ['users', 'companies'])
      await expectRefusal(muster, () => muster.get(`/v1/${collection}?${query}`), 400, 'invalid_parameter');
  },
);
