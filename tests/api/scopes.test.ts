/** What a key may do; and that trying keys is slowed down without shutting anybody out. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureKey, generateKey, type Scope } from '#store/api-keys';
import { type Muster, startMuster } from '../support/muster';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

async function keyOf(scope: Scope): Promise<string> {
  const key = generateKey();
  await ensureKey(muster.store, muster.environmentId, key, scope);
  return key;
}

async function ask(method: string, path: string, key: string, body?: unknown) {
  const answer = await fetch(`${muster.url}${path}`, {
    method,
    headers: {
      Authorization: `Token ${key}`,
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as never };
}

describe('a key of the scope', () => {
  const import1 = ['POST', '/v1/users/bulk_identify', { users: [{ user_id: 's' }] }] as const;
  const list = ['GET', '/v1/background_jobs', undefined] as const;
  const erase = ['DELETE', '/v1/users', { users: ['nobody'] }] as const;

  it('read may not cancel and not retry', async () => {
    const key = await keyOf('read');
    for (const verb of ['cancel', 'retry']) {
      const path = `/v1/background_jobs/9536d797-7039-4d30-8c11-ac437367d732/${verb}`;
      expect((await ask('POST', path, key)).status).toBe(403);
    }
  });

  it.each([
    ['read', 200, 403, 403],
    ['import', 200, 202, 403],
    ['admin', 200, 202, 202],
  ] as const)('%s may read %d, import %d, erase %d', async (scope, read, imports, erases) => {
    const key = await keyOf(scope);
    expect((await ask(list[0], list[1], key)).status).toBe(read);
    const imported = await ask(import1[0], import1[1], key, import1[2]);
    expect(imported.status).toBe(imports);
    expect((await ask(erase[0], erase[1], key, erase[2])).status).toBe(erases);
    if (imports === 403) {
      expect(imported.body).toMatchObject({
        errors: [{ error_code: 'forbidden', details: expect.stringContaining('import') }],
      });
    } else await muster.finished((imported.body as { job_id: string }).job_id);
  });
});

describe('failed keys', () => {
  it('are answered 429 with the time to wait after many of one address, while keys that are right go on', async () => {
    const statuses = new Map<number, number>();
    let last: Awaited<ReturnType<typeof ask>> | undefined;
    for (let n = 0; n < 320; n++) {
      last = await ask('GET', '/v1/background_jobs', `wrong-key-number-${n}`);
      statuses.set(last.status, (statuses.get(last.status) ?? 0) + 1);
    }
    expect([...statuses.keys()]).toEqual([401, 429]);
    expect(statuses.get(401)).toBe(300);
    expect(last?.body).toMatchObject({ errors: [{ error_code: 'rate_limited' }] });
    expect(Number(last?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(last?.headers.get('ratelimit-policy')).toContain('q=300');
    expect((await ask('GET', '/v1/background_jobs', muster.key)).status).toBe(200);
  });
});
