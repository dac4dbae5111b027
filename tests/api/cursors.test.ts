/** Cursors of all lists: they tell nobody where a page ended, and are good only for the list that they were made for. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, startMuster } from '../support/muster';
import { expectRefusal } from './support/refusal';

const PEOPLE = ['ada.lovelace@example.com', 'grace.hopper@example.com', 'mary.somerville@example.com'];

let muster: Muster;
let jobIds: string[];
let warnings: string;
beforeAll(async () => {
  muster = await startMuster({ apis: 2 });
  const companies = await muster
    .post('/v1/companies/bulk_identify')
    .send({ companies: PEOPLE.map((person) => ({ company_id: person })) })
    .expect(202);
  await muster.finished(companies.body.job_id);
  const users = PEOPLE.map((person) => ({
    user_id: person,
    company_id: 'acme',
    metadata: { [person]: 'yes', email: person },
    [`note of ${person}`]: 1,
  }));
  const job = await muster.importRows(users);
  jobIds = [job.job_id, companies.body.job_id];
  warnings = `/v1/background_jobs/${job.job_id}/warnings`;
});
afterAll(() => muster.close());

/** Addresses of every list, with two pages or more each. */
const lists = () => [
  '/v1/users?limit=1',
  '/v1/users?limit=1&company_id=acme',
  '/v1/companies?limit=1',
  '/v1/properties?limit=1',
  '/v1/background_jobs?limit=1',
  `${warnings}?limit=1`,
];

async function linkOf(address: string, key = muster.key): Promise<string> {
  const { headers } = await muster.get(address, key).expect(200);
  expect(headers.link).toBeDefined();
  return headers.link ?? '';
}

async function nextOf(address: string): Promise<URL> {
  return new URL(/<([^>]+)>/.exec(await linkOf(address))?.[1] ?? '');
}

const cursorOf = async (address: string) => (await nextOf(address)).searchParams.get('cursor') ?? '';

/** A text in the spellings in which it might be told. */
function spellings(text: string): string[] {
  const encoded = [0, 1, 2].flatMap((offset) =>
    (['base64', 'base64url', 'hex'] as const).map((encoding) =>
      // What stands at both ends depends on the neighbors.
      Buffer.from(' '.repeat(offset) + text)
        .toString(encoding)
        .slice(4, -4),
    ),
  );
  return [text, encodeURIComponent(text), ...encoded];
}

describe('a cursor', () => {
  it('holds no id, no e-mail address and no base64 of one, in any list', async () => {
    const told = [...PEOPLE, ...jobIds];
    for (const address of lists()) {
      const cursor = await cursorOf(address);
      const decoded = Buffer.from(cursor, 'base64url').toString('latin1');
      for (const spelling of told.flatMap(spellings)) {
        expect(cursor).not.toContain(spelling);
        expect(decoded).not.toContain(spelling);
      }
    }
  });

  it('is not in the body of a page', async () => {
    for (const address of lists()) {
      const { body } = await muster.get(address).expect(200);
      expect(JSON.stringify(body)).not.toContain('cursor');
    }
  });

  it('leads to the next page, on another process too', async () => {
    for (const address of lists()) {
      const next = await nextOf(address);
      const answers = await Promise.all(
        muster.urls.map(async (url) => {
          const headers = { Authorization: `Token ${muster.key}` };
          const answer = await fetch(`${url}${next.pathname}${next.search}`, { headers });
          // Each names its own address.
          const text = (await answer.text()).replaceAll(url, '');
          return { status: answer.status, body: JSON.parse(text) };
        }),
      );
      const { body: first } = await muster.get(address);
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
      expect(answers[0]?.body).toHaveLength(1);
      expect(answers[0]?.body).toEqual(answers[1]?.body);
      expect(answers[0]?.body).not.toEqual(first);
    }
  });

  it('may be used with another page size', async () => {
    const cursor = await cursorOf('/v1/users?limit=1');
    const { body } = await muster.get(`/v1/users?limit=2&cursor=${cursor}`).expect(200);
    expect(body.map(({ user_id: id }: { user_id: string }) => id)).toEqual(PEOPLE.slice(1));
  });
});

async function expectRefused(address: string, cursor: string, key = muster.key): Promise<void> {
  const path = `${address.replace(/[?&]limit=1/, '?limit=2')}&cursor=${encodeURIComponent(cursor)}`;
  await expectRefusal(muster, () => muster.get(path, key), 400, 'invalid_parameter');
}

describe('a cursor is refused', () => {
  it('when any of its bytes was changed, or some are missing or too many', async () => {
    const cursor = await cursorOf('/v1/users?limit=1');
    const bytes = Buffer.from(cursor, 'base64url');
    for (let index = 0; index < bytes.length; index += 1) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
      await muster.get(`/v1/users?cursor=${changed.toString('base64url')}`).expect(400);
    }
    for (const other of [cursor.slice(0, -4), cursor.slice(4), `${cursor}AAAA`, `${cursor}=`, `${cursor}!`]) {
      await expectRefused('/v1/users?limit=1', other);
    }
  });

  it('by every list but its own', async () => {
    const all = lists();
    for (const [index, address] of all.entries()) {
      const cursor = await cursorOf(address);
      for (const other of all.filter((_, at) => at !== index)) await expectRefused(other, cursor);
    }
  });

  it('with other filters than those that it was made with', async () => {
    const cursor = await cursorOf('/v1/users?limit=1&company_id=acme');
    await expectRefused('/v1/users?limit=1&company_id=other', cursor);
    const jobs = await cursorOf('/v1/background_jobs?limit=1');
    await expectRefused('/v1/background_jobs?limit=1&status=completed', jobs);
    await expectRefused('/v1/properties?limit=1&entity=company', await cursorOf('/v1/properties?limit=1'));
  });

  it('in another environment', async () => {
    const { key } = await muster.addEnvironment('other');
    for (const address of lists().filter((one) => !one.startsWith(warnings))) {
      await expectRefused(address, await cursorOf(address), key);
    }
  });

  it('when it says in clear where a page ended, as older versions wrote it', async () => {
    const clear = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    await expectRefused('/v1/users?limit=1', clear({ after: PEOPLE[0] }));
    await expectRefused('/v1/properties?limit=1', clear({ after: 'email' }));
    await expectRefused(
      '/v1/background_jobs?limit=1',
      clear({ at: '2026-02-02T00:00:00.000Z', id: jobIds[0] }),
    );
  });

  it('when another installation made it', async () => {
    const elsewhere = await startMuster({ workers: 0 });
    try {
      await elsewhere.store.pool.query(
        `INSERT INTO users (environment_id, user_id) SELECT $1, unnest($2::text[])`,
        [elsewhere.environmentId, PEOPLE],
      );
      const { headers } = await elsewhere.get('/v1/users?limit=1').expect(200);
      const next = new URL(/<([^>]+)>/.exec(headers.link ?? '')?.[1] ?? '');
      await expectRefused('/v1/users?limit=1', next.searchParams.get('cursor') ?? '');
    } finally {
      await elsewhere.close();
    }
  });
});
