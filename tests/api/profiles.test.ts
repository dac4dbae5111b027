/** Reading users and companies back: one by id, page by page, or all as one NDJSON stream. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request, { type Response } from 'supertest';
import { type Muster, startMuster } from '../support/muster';
import { postBody } from './support/post-body';
import { exchange, requestHead } from './support/raw-http';
import { expectRefusal } from './support/refusal';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
/** Every kind of id that a URL could spoil. */
const ODD_IDS = [
  'a/b/c',
  '/',
  '..',
  '.',
  '../../etc/passwd',
  ' leading and trailing ',
  'a?b=c&d#e',
  '100%',
  '%2F',
  '%25',
  'a+b c',
  'naïve-名前-😀',
  'nai\u0308ve',
  'UPPER',
  'upper',
  '\u200b',
  '"quoted"',
  "' OR 1=1 --",
  '<script>',
  'bulk_identify',
  '__proto__',
  'constructor',
  'null',
  '0',
  'x'.repeat(256),
  '\ufefffeff',
];
const MANY = 1234;
const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

let muster: Muster;
let jobId: string;
let other: { key: string };
beforeAll(async () => {
  muster = await startMuster();
  other = await muster.addEnvironment('other');
  const job = await muster.importRows([
    ...ODD_IDS.map((user_id, i) => ({ user_id, company_id: i % 2 === 0 ? 'even' : null, metadata: { i } })),
    { user_id: 'both', metadata: { where: 'here' } },
  ]);
  expect(job).toMatchObject({ status: 'completed', failed_rows: 0 });
  jobId = job.job_id;
  await muster.importRows(
    [{ user_id: 'both', metadata: { where: 'there' } }, { user_id: 'theirs' }],
    other.key,
  );
});
afterAll(() => muster.close());

/** Follows the Link headers to the end; the ids in the order they came. */
async function visit(path: string, key = muster.key): Promise<{ ids: string[]; pages: number }> {
  const ids: string[] = [];
  let pages = 0;
  for (let url: string | undefined = `${muster.url}${path}`; url !== undefined; pages++) {
    const answer: Response = await request(url).get('').set('Authorization', `Token ${key}`).expect(200);
    for (const { user_id } of answer.body) ids.push(user_id);
    url = /^<([^>]+)>; rel="next"$/.exec(answer.headers.link ?? '')?.[1];
    if (pages > 2000) throw new Error('pages without end');
  }
  return { ids, pages };
}

describe('one user', () => {
  it('has exactly the fields of the contract', async () => {
    const { body, headers } = await muster.get('/v1/users/UPPER').expect(200);
    expect(body).toEqual({
      user_id: 'UPPER',
      company_id: null,
      metadata: { i: ODD_IDS.indexOf('UPPER') },
      created_at: expect.stringMatching(TIME),
      updated_at: expect.stringMatching(TIME),
      last_job_id: jobId,
    });
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
  });

  // Clients resolve these before they send them, and `bulk_identify` is an address of its own.
  const inPath = ODD_IDS.filter((id) => !['.', '..', 'bulk_identify'].includes(id));
  it.each(inPath)('is found by its id in the path: %j', async (id) => {
    const target = `/v1/users/${encodeURIComponent(id)}`;
    const answer = await exchange(
      muster.url,
      requestHead('GET', target, { Authorization: `Token ${muster.key}` }),
    );
    expect(answer).toMatchObject({
      status: 200,
      body: { user_id: id, metadata: { i: ODD_IDS.indexOf(id) } },
    });
  });

  it.each(ODD_IDS)('is found by its exact id in the query: %j', async (id) => {
    const { body } = await muster.get(`/v1/users?user_id=${encodeURIComponent(id)}`).expect(200);
    expect(body).toMatchObject([{ user_id: id, metadata: { i: ODD_IDS.indexOf(id) } }]);
  });

  it.each(['nobody', 'Upper', 'UPPER ', 'naïve', 'a%2Fb', '\u0000', 'x'.repeat(257), 'theirs'])(
    'is not found by another id: %j',
    async (id) => {
      const get = () => muster.get(`/v1/users/${encodeURIComponent(id)}`);
      await expectRefusal(muster, get, 404, 'user_not_found');
    },
  );

  it('refuses parameters that it does not know', async () => {
    await expectRefusal(muster, () => muster.get('/v1/users/UPPER?fields=x'), 400, 'invalid_parameter');
  });

  it('keeps every digit, on its own, in the list and in the stream', async () => {
    const metadata = '{"a":9007199254740993,"b":0.10,"c":1234567890123456789012345678901234567890,"d":1.0}';
    const { key } = await muster.addEnvironment('digits');
    const body = `[{"user_id":"digits","metadata":${metadata}}]`;
    const accepted = await postBody(muster, body, {}, undefined, key).expect(202);
    await muster.finished(accepted.body.job_id, key);
    for (const [path, accept] of [
      ['/v1/users/digits', '*/*'],
      ['/v1/users', '*/*'],
      ['/v1/users', 'application/x-ndjson'],
    ] as const) {
      const { body: text } = await muster.get(path, key).set('Accept', accept).buffer(true).parse(asText);
      for (const number of ['9007199254740993', '0.10', '1234567890123456789012345678901234567890']) {
        expect(text).toMatch(new RegExp(`": ?${number.replace('.', '\\.')}[,}]`));
      }
    }
  });
});

describe('environments', () => {
  it('have users of the same id that know nothing of each other', async () => {
    const here = await muster.get('/v1/users/both').expect(200);
    const there = await muster.get('/v1/users/both', other.key).expect(200);
    expect(here.body.metadata).toEqual({ where: 'here' });
    expect(there.body.metadata).toEqual({ where: 'there' });
  });

  it('list their own users only, also with a filter of another one, and refuse its cursor', async () => {
    expect((await visit('/v1/users', other.key)).ids).toEqual(['both', 'theirs']);
    const { headers } = await muster.get('/v1/users?limit=1').expect(200);
    const next = new URL(/<([^>]+)>/.exec(headers.link ?? '')?.[1] ?? '');
    const asked = () => muster.get(`${next.pathname}${next.search}`, other.key);
    await expectRefusal(muster, asked, 400, 'invalid_parameter');
    expect((await visit('/v1/users?company_id=even', other.key)).ids).toEqual([]);
  });
});

describe('the list of users', () => {
  it.each([1, 5, 27, 1000])(
    'in pages of %d visits every user exactly once, by the bytes of the ids',
    async (limit) => {
      const all = [...ODD_IDS, 'both'].sort(byBytes);
      const { ids, pages } = await visit(`/v1/users?limit=${limit}`);
      expect(ids).toEqual(all);
      expect(pages).toBe(Math.ceil(all.length / limit));
    },
  );

  it('of one company has its users only, also page by page', async () => {
    const even = ODD_IDS.filter((_, i) => i % 2 === 0).sort(byBytes);
    expect((await visit('/v1/users?company_id=even')).ids).toEqual(even);
    expect((await visit('/v1/users?company_id=even&limit=2')).ids).toEqual(even);
    expect((await visit('/v1/users?company_id=Even')).ids).toEqual([]);
    expect((await visit('/v1/users?company_id=even&user_id=both')).ids).toEqual([]);
  });

  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  it.each([
    ...['0', '1001', '-1', '1.5', 'all', ''].map((value) => `limit=${value}`),
    'limit=1&limit=2',
    'user_id=a&user_id=b',
    'user_id=%00',
    'company_id[]=x',
    'metadata=x',
    'cursor=',
    'cursor=x',
    `cursor=${encode(null)}`,
    `cursor=${encode({ after: 1 })}`,
    `cursor=${encode({ after: 'a\u0000b' })}`,
    `cursor=${encode({})}`,
  ])('refuses %s', async (query) => {
    await expectRefusal(muster, () => muster.get(`/v1/users?${query}`), 400, 'invalid_parameter');
  });
});

const asText = (res: Response, done: (error: Error | null, text: string) => void) => {
  let text = '';
  res.setEncoding('utf8');
  res.on('data', (piece) => {
    text += piece;
  });
  res.on('end', () => done(null, text));
};

describe('the stream of users', () => {
  const lines = (text: string) =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));

  it('has each of more than 1,000 users once, an object a line, as the list shows them', async () => {
    const { key } = await muster.addEnvironment('many');
    const users = Array.from({ length: MANY }, (_, i) => ({ user_id: `u${i}-😀`, metadata: { i } }));
    expect(await muster.importRows(users, key)).toMatchObject({ created_rows: MANY });
    const { body: text, headers } = await muster
      .get('/v1/users', key)
      .set('Accept', 'application/x-ndjson')
      .buffer(true)
      .parse(asText)
      .expect(200);
    expect(headers['content-type']).toMatch(/^application\/x-ndjson/);
    const streamed = lines(text);
    expect(streamed.map(({ user_id }) => user_id)).toEqual(users.map(({ user_id }) => user_id).sort(byBytes));
    const { body: listed } = await muster.get('/v1/users?limit=1000', key).expect(200);
    expect(streamed.slice(0, 1000)).toEqual(listed);
  });

  it('takes the same filters', async () => {
    const stream = (query: string) =>
      muster
        .get(`/v1/users?${query}`)
        .set('Accept', 'application/x-ndjson')
        .buffer(true)
        .parse(asText)
        .expect(200);
    expect(lines((await stream('user_id=both')).body)).toMatchObject([{ user_id: 'both' }]);
    expect(lines((await stream('company_id=even')).body)).toHaveLength(ODD_IDS.length / 2);
    expect((await stream('user_id=nobody')).body).toBe('');
  });
});

describe('companies', () => {
  beforeAll(async () => {
    const rows = ['c/1', 'c2', 'c3'].map((company_id) => ({ company_id, metadata: { tier: 1 } }));
    const { body } = await muster.post('/v1/companies/bulk_identify').send({ companies: rows }).expect(202);
    expect(await muster.finished(body.job_id)).toMatchObject({ status: 'completed', created_rows: 3 });
  });

  it('are found by id, with the fields of the contract', async () => {
    const { body } = await muster.get('/v1/companies/c%2F1').expect(200);
    expect(body).toMatchObject({ company_id: 'c/1', metadata: { tier: 1 }, last_job_id: expect.any(String) });
    expect(body).not.toHaveProperty('user_id');
  });

  it('are not found elsewhere', async () => {
    await expectRefusal(muster, () => muster.get('/v1/companies/c4'), 404, 'company_not_found');
    await expectRefusal(muster, () => muster.get('/v1/companies/c2', other.key), 404, 'company_not_found');
    // A user's company is no company of its own.
    await expectRefusal(muster, () => muster.get('/v1/companies/even'), 404, 'company_not_found');
  });

  it('are listed page by page, and by exact id', async () => {
    const first = await muster.get('/v1/companies?limit=2').expect(200);
    expect(first.body).toMatchObject([{ company_id: 'c/1' }, { company_id: 'c2' }]);
    const next = new URL(/<([^>]+)>/.exec(first.headers.link ?? '')?.[1] ?? '');
    const second = await muster.get(`${next.pathname}${next.search}`).expect(200);
    expect(second.body).toMatchObject([{ company_id: 'c3' }]);
    const { body } = await muster.get('/v1/companies?company_id=c2').expect(200);
    expect(body).toMatchObject([{ company_id: 'c2' }]);
  });

  it('have no user_id to filter by: it is refused, not ignored', async () => {
    await expectRefusal(muster, () => muster.get('/v1/companies?user_id=x'), 400, 'invalid_parameter');
  });
});
