/** The limit on single calls of a key holds over all API processes and ways to call. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { countCalls } from '#store/call-counts';
import { type Muster, startMuster } from '../support/muster';

const LIMIT = 10;

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster({ apis: 2, workers: 0, identifyPerMinute: LIMIT });
});
afterAll(() => muster.close());

async function call(n: number, key: string, path = '/v1/identify', body: unknown = { user_id: `u${n}` }) {
  const answer = await fetch(`${muster.urls[n % 2]}${path}`, {
    method: 'POST',
    headers: { Authorization: `Token ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  await answer.text();
  return answer;
}

const statusesOf = (answers: Response[]) => answers.map(({ status }) => status).sort();

it('calls that come to two processes at once are let in up to the limit and no further', async () => {
  const { key } = await muster.addEnvironment('at-once');
  const answers = await Promise.all(Array.from({ length: 5 * LIMIT }, (_, n) => call(n, key)));
  expect(statusesOf(answers)).toEqual([
    ...Array<number>(LIMIT).fill(202),
    ...Array<number>(4 * LIMIT).fill(429),
  ]);
  for (const { headers } of answers.filter(({ status }) => status === 429)) {
    const seconds = Number(headers.get('retry-after'));
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(seconds).toBeLessThanOrEqual(60);
  }
});

it('each process says what the key has left over all', async () => {
  const { key } = await muster.addEnvironment('left');
  const left = [];
  for (let n = 0; n < 4; n++) left.push((await call(n, key)).headers.get('ratelimit')?.match(/r=(\d+)/)?.[1]);
  expect(left).toEqual(['9', '8', '7', '6']);
});

it("identify and Gurubase's profiles count together, keys apart", async () => {
  const { key } = await muster.addEnvironment('together');
  const other = await muster.addEnvironment('apart');
  for (let n = 0; n < LIMIT; n++) expect((await call(n, key)).status).toBe(202);
  const path = '/api/v1/together/profiles/';
  expect((await call(0, key, path, { users: [{ external_user_id: 'g', memory: {} }] })).status).toBe(429);
  expect((await call(0, other.key)).status).toBe(202);
});

it('a minute begins anew when the one before is over, and when the clock was set back', async () => {
  const { pool } = muster.store;
  const { rows } = await pool.query<{ id: number }>('SELECT min(id) AS id FROM api_keys');
  const added = [{ keyId: rows[0]?.id ?? 0, calls: 3 }];
  const move = (by: string) =>
    pool.query('UPDATE call_counts SET window_ends_at = window_ends_at + $1::interval', [by]);
  const count = async () => (await countCalls(pool, added))[0];
  expect(await count()).toMatchObject({ calls: 3 });
  expect(await count()).toMatchObject({ calls: 6 });
  await move('-61 seconds');
  expect(await count()).toMatchObject({ calls: 3 });
  await move('1 hour');
  const counted = await count();
  expect(counted).toMatchObject({ calls: 3 });
  // Its end is kept in whole milliseconds.
  expect(counted?.msLeft).toBeLessThanOrEqual(60_001);
  expect(await countCalls(pool, [{ keyId: 2_000_000_000, calls: 1 }])).toEqual([]);
});
