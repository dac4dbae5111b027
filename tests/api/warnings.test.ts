/** Warnings of a job: few in the job, all of them at their own address. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Muster, startMuster } from '../support/muster';
import { expectRefusal } from './support/refusal';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

const keyOf = (n: number) => `${String(n).padStart(6, '0')}${'x'.repeat(250)}`;

it('ten thousand ignored keys make a small job and a small list; all of them are listed page by page', async () => {
  const rows = Array.from({ length: 10 }, (_, row) => ({
    user_id: `u${row}`,
    ...Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [keyOf(row * 1_000 + n), 1])),
  }));
  const job = await muster.importRows(rows);
  expect(job).toMatchObject({ status: 'completed', created_rows: 10 });
  expect(job.warnings).toHaveLength(100);
  expect(job.warnings[0]).toMatchObject({ code: 'unknown_key_ignored', path: keyOf(0), rows: 1 });
  expect(job.warnings[99]).toMatchObject({ code: 'more_warnings', path: '', rows: 9_901 });
  expect(job.warnings[99]?.message).toMatch(/^9901 more warnings/);

  const { body: list, text } = await muster.get('/v1/background_jobs').expect(200);
  expect(list[0].warnings).toHaveLength(10);
  expect(list[0].warnings[9].message).toMatch(/^9991 more warnings/);
  expect(text.length).toBeLessThan(10_000);

  const paths: string[] = [];
  let address: string | undefined = `/v1/background_jobs/${job.job_id}/warnings?limit=1000`;
  while (address !== undefined) {
    const page: { body: { path: string }[]; headers: { link?: string } } = await muster
      .get(address)
      .expect(200);
    paths.push(...page.body.map(({ path }) => path));
    const next: string | undefined = /<([^>]+)>; rel="next"/.exec(page.headers.link ?? '')?.[1];
    address = next?.slice(new URL(next).origin.length);
  }
  expect(paths).toEqual(Array.from({ length: 10_000 }, (_, n) => keyOf(n)));
});

it('more distinct keys than a job may have are counted in one warning, however the slices are cut', async () => {
  const ndjson = Array.from({ length: 30 }, (_, row) => {
    const metadata = Object.fromEntries(Array.from({ length: 400 }, (_, n) => [`m${row * 400 + n}`, n]));
    return JSON.stringify({ user_id: `wide${row}`, metadata });
  }).join('\n');
  const job = await muster.importNdjson(ndjson);
  expect(job.warnings).toMatchObject([{ code: 'properties_not_catalogued', path: 'metadata', rows: 2_000 }]);
  const { rows } = await muster.store.pool.query('SELECT count(*)::int AS n FROM properties');
  expect(rows[0].n).toBe(10_000);
  const { rows: left } = await muster.store.pool.query('SELECT count(*)::int AS n FROM observed_properties');
  expect(left[0].n).toBe(0);
});

it('a changed type is listed with what was known', async () => {
  const { key } = await muster.addEnvironment('types');
  await muster.importRows([{ user_id: 'u', metadata: { age: 1 } }], key);
  const job = await muster.importRows([{ user_id: 'u', extra: 1, metadata: { age: 'old' } }], key);
  const expected = [
    {
      code: 'type_changed',
      path: 'metadata.age',
      rows: 1,
      message: 'The property was known as Numeric; 1 rows sent String.',
    },
    { code: 'unknown_key_ignored', path: 'extra', rows: 1 },
  ];
  expect(job.warnings).toMatchObject(expected);
  const { body } = await muster.get(`/v1/background_jobs/${job.job_id}/warnings`, key).expect(200);
  expect(body).toEqual(job.warnings);
});

it('refuses what it does not know, and jobs of others', async () => {
  const { key } = await muster.addEnvironment('stranger');
  const job = await muster.importRows([{ user_id: 'mine' }]);
  const address = `/v1/background_jobs/${job.job_id}/warnings`;
  await expectRefusal(muster, () => muster.get(`${address}?limit=0`), 400, 'invalid_parameter');
  await expectRefusal(muster, () => muster.get(`${address}?cursor=nonsense`), 400, 'invalid_parameter');
  expect((await muster.get(address, key)).status).toBe(404);
});
