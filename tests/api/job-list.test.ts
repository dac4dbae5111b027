/** The list of jobs: newest first, filtered, and page by page without a gap or a repetition. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request, { type Response } from 'supertest';
import { type Muster, startMuster, type WireJob } from '../support/muster';
import { expectRefusal } from './support/refusal';

const LIST = '/v1/background_jobs';

let muster: Muster;
let other: { key: string };
/** Oldest first. */
const made: WireJob[] = [];
beforeAll(async () => {
  muster = await startMuster();
  other = await muster.addEnvironment('other');
  for (let i = 0; i < 9; i++) {
    made.push(await muster.importRows(i % 3 === 0 ? [{ user_id: null }] : [{ user_id: `u${i}` }]));
    if (i === 4) {
      const path = '/v1/companies/bulk_identify';
      const { body } = await muster
        .post(path)
        .send([{ company_id: 'c' }])
        .expect(202);
      made.push(await muster.finished(body.job_id));
    }
  }
  await muster.importRows([{ user_id: 'foreign' }], other.key);
});
afterAll(() => muster.close());

const newestFirst = () => [...made].reverse().map((job) => job.job_id);
const idsOf = (jobs: WireJob[]) => jobs.map((job) => job.job_id);

/** Follows the Link headers to the end. */
async function visit(path: string, key = muster.key): Promise<WireJob[][]> {
  const pages: WireJob[][] = [];
  for (let url: string | undefined = `${muster.url}${path}`; url !== undefined; ) {
    const answer: Response = await request(url).get('').set('Authorization', `Token ${key}`).expect(200);
    pages.push(answer.body);
    url = /^<([^>]+)>; rel="next"$/.exec(answer.headers.link ?? '')?.[1];
    if (pages.length > 50) throw new Error('pages without end');
  }
  return pages;
}

it('is a bare array of the environment, newest first, and each job as it is shown alone', async () => {
  const { body, headers } = await muster.get(LIST).expect(200);
  expect(idsOf(body)).toEqual(newestFirst());
  expect(body).toEqual([...made].reverse());
  expect(headers.link).toBeUndefined();
});

it('is empty, without a next page, for an environment without jobs', async () => {
  const { key } = await muster.addEnvironment('empty');
  const { body, headers } = await muster.get(LIST, key).expect(200);
  expect(body).toEqual([]);
  expect(headers.link).toBeUndefined();
});

describe('of a user or a company', () => {
  it('has the imports with a row of that id, failed ones too, on however many pages', async () => {
    const { key } = await muster.addEnvironment('history');
    const jobs: WireJob[] = [];
    for (const metadata of [{ n: 1 }, { n: [] }, { n: 2 }]) {
      jobs.push(await muster.importRows([{ user_id: 'shared', metadata }], key));
      await muster.importRows([{ user_id: 'other' }], key);
    }
    const company = await muster
      .post('/v1/companies/bulk_identify', key)
      .send([{ company_id: 'shared' }])
      .expect(202);
    await muster.finished(company.body.job_id, key);
    const pages = await visit(`${LIST}?user_id=shared&limit=2`, key);
    expect(pages.length).toBeGreaterThan(2);
    expect(idsOf(pages.flat())).toEqual(idsOf([...jobs].reverse()));
    const companies = await visit(`${LIST}?company_id=shared`, key);
    expect(companies.flat().map(({ type }) => type)).toEqual(['bulk_identify_companies']);
    expect((await visit(`${LIST}?user_id=shared`)).flat()).toEqual([]);
  });

  it('is of one of them', async () => {
    await expectRefusal(muster, () => muster.get(`${LIST}?user_id=a&company_id=b`), 400, 'invalid_parameter');
  });
});

describe('pages', () => {
  it.each([1, 2, 3, 4, 9, 10, 11, 100])('of %d visit every job exactly once', async (limit) => {
    const pages = await visit(`${LIST}?limit=${limit}`);
    expect(idsOf(pages.flat())).toEqual(newestFirst());
    expect(pages).toHaveLength(Math.ceil(made.length / limit));
    for (const page of pages.slice(0, -1)) expect(page).toHaveLength(limit);
  });

  it('keep their filters', async () => {
    const pages = await visit(`${LIST}?status=failed&limit=2`);
    expect(pages).toHaveLength(2);
    expect(idsOf(pages.flat())).toEqual(
      newestFirst().filter((id) => made.find((job) => job.job_id === id)?.status === 'failed'),
    );
  });

  it('visit every job exactly once while newer ones are made', async () => {
    const { key } = await muster.addEnvironment('busy');
    for (let i = 0; i < 3; i++) await muster.importRows([{ user_id: `u${i}` }], key);
    const first = await muster.get(`${LIST}?limit=2`, key).expect(200);
    await muster.importRows([{ user_id: 'newer' }], key);
    const next = new URL(/<([^>]+)>/.exec(first.headers.link ?? '')?.[1] ?? '');
    const second = await muster.get(`${next.pathname}${next.search}`, key).expect(200);
    expect(second.body).toHaveLength(1);
    expect(idsOf(first.body)).not.toContain(second.body[0].job_id);
  });

  it('visit every job exactly once when all were made at the same instant', async () => {
    const { key, environmentId } = await muster.addEnvironment('instant');
    const ids = new Set<string>();
    for (let i = 0; i < 5; i++) ids.add((await muster.importRows([{ user_id: `u${i}` }], key)).job_id);
    const sql = "UPDATE jobs SET submitted_at = date_trunc('hour', now()) WHERE environment_id = $1";
    await muster.store.pool.query(sql, [environmentId]);
    const visited = idsOf((await visit(`${LIST}?limit=1`, key)).flat());
    expect(visited).toHaveLength(5);
    expect(new Set(visited)).toEqual(ids);
  });

  it('refuse a cursor of another environment', async () => {
    const { headers } = await muster.get(`${LIST}?limit=1`).expect(200);
    const next = new URL(/<([^>]+)>/.exec(headers.link ?? '')?.[1] ?? '');
    const asked = () => muster.get(`${next.pathname}${next.search}`, other.key);
    await expectRefusal(muster, asked, 400, 'invalid_parameter');
  });
});

describe('filters', () => {
  it.each(['completed', 'failed', 'queued', 'validating', 'processing', 'pending_refresh'])(
    'status=%s shows the jobs in this state and no others',
    async (status) => {
      const { body } = await muster.get(`${LIST}?status=${status}`).expect(200);
      expect(idsOf(body)).toEqual(
        newestFirst().filter((id) => made.find((job) => job.job_id === id)?.status === status),
      );
    },
  );

  it.each([
    ['bulk_identify_users', 9],
    ['bulk_identify_companies', 1],
  ])('type=%s shows the jobs of this type and no others', async (type, count) => {
    const { body } = await muster.get(`${LIST}?type=${type}`).expect(200);
    expect(body).toHaveLength(count);
    for (const job of body) expect(job.type).toBe(type);
  });

  it('hold together', async () => {
    const { body } = await muster.get(`${LIST}?type=bulk_identify_companies&status=failed`).expect(200);
    expect(body).toEqual([]);
  });

  it('go by the state that is shown: a canceled job is shown, and found, as failed', async () => {
    const { key, environmentId } = await muster.addEnvironment('canceled');
    await muster.importRows([{ user_id: 'a' }], key);
    const sql = "UPDATE jobs SET status = 'canceled', error_code = 'canceled' WHERE environment_id = $1";
    await muster.store.pool.query(sql, [environmentId]);
    const { body: all } = await muster.get(LIST, key).expect(200);
    expect(all).toMatchObject([{ status: 'failed', error: { code: 'canceled' } }]);
    const { body: failed } = await muster.get(`${LIST}?status=failed`, key).expect(200);
    expect(failed).toEqual(all);
  });
});

describe('a parameter with a wrong value is refused', () => {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const id = 'f81d4fae-7dec-41d0-a765-00a0c91e6bf6';
  it.each([
    ...['0', '101', '-1', '1.5', '1e1', '0x1', 'all', '', ' 1', '99999999999'].map(
      (value) => `limit=${value}`,
    ),
    'limit=1&limit=2',
    'limit[]=1',
    'status=done',
    'status=',
    'status=COMPLETED',
    'status=completed&status=failed',
    'type=users',
    'type=',
    'order=asc',
    'cursor=',
    'cursor=x',
    'cursor=%00',
    'cursor=e30',
    `cursor=${encode(null)}`,
    `cursor=${encode([])}`,
    `cursor=${encode({ at: 1, id })}`,
    `cursor=${encode({ at: '2026-02-30T00:00:00.000Z', id })}`,
    `cursor=${encode({ at: "2026-02-02T00:00:00.000Z'--", id })}`,
    `cursor=${encode({ at: '2026-02-02T00:00:00.000Z', id: "1' OR '1'='1" })}`,
    `cursor=${encode({ after: 'u1' })}`,
    `cursor=${'A'.repeat(5000)}`,
  ])('%s', async (query) => {
    await expectRefusal(muster, () => muster.get(`${LIST}?${query}`), 400, 'invalid_parameter');
  });
});
