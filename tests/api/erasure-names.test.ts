/** What a file is called, and the header line of a CSV, do not tell of somebody who was erased: from the 202 on, however spelled. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, readText, startMuster } from '../support/muster';
import { findTraces } from '../support/traces';
import { waitFor } from '../support/wait';

const ID = 'jane@example.com';
const NAME = 'Jane Öberg';
const PHONE = '+49 170 5550188';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

async function erase(id: string, key: string): Promise<void> {
  const answer = await fetch(`${muster.url}/v1/users`, {
    method: 'DELETE',
    headers: { Authorization: `Token ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ users: [id] }),
  });
  expect(answer.status).toBe(202);
}

async function importFile(content: string, filename: string, key: string) {
  const { body } = await muster
    .post(undefined, key)
    .attach('file', Buffer.from(content), filename)
    .expect(202);
  return muster.finished(body.job_id, key);
}

async function inputOf(jobId: string, key: string): Promise<string> {
  const path = `/v1/background_jobs/${jobId}/results?as=input`;
  const { body } = await muster.get(path, key).buffer().parse(readText).expect(200);
  return body;
}

const erasuresLeft = async () => (await muster.store.pool.query('SELECT FROM erasures')).rowCount ?? 0;

describe('the name of a file', () => {
  it.each([
    ['in percent-encoding', 'jane%40example.com.ndjson'],
    ['in percent-encoding, every character', `${encodeAll(ID)}.ndjson`],
    ['in capitals and percent-encoding', 'JANE%40EXAMPLE.COM.ndjson'],
    ['beside bytes that are no UTF-8', 'jane%40example.com%ff.ndjson'],
    ['with a decimal entity', 'jane&#64;example.com.ndjson'],
    ['with a hexadecimal entity', 'jane&#x40;example.com.ndjson'],
    ['and a name of the person in percent-encoding', 'Jane+%C3%96berg.ndjson'],
    ['and a name of the person with decomposed letters', `${NAME.normalize('NFD')}.ndjson`],
  ])('is hidden at once that holds an id %s', async (_, filename) => {
    const { key } = await muster.addEnvironment(`name-${Math.random().toString(36).slice(2)}`);
    const rows = `{"user_id":"${ID}","metadata":{"name":"${NAME}"}}\n`;
    const job = await importFile(rows, filename, key);
    expect(job.filename).toBe(filename);
    await erase(ID, key);
    // Nothing is scrubbed yet: an erasure is older by then.
    expect(await erasuresLeft()).toBeGreaterThan(0);
    const { body } = await muster.get(`/v1/background_jobs/${job.job_id}`, key).expect(200);
    const { body: list } = await muster.get('/v1/background_jobs', key).expect(200);
    expect([body.filename, list[0].filename]).toEqual(['erased.ndjson', 'erased.ndjson']);
  });

  it.each(['100%.ndjson', '%zz&#0;&#x110000;%00.ndjson', 'jane%40example.community.ndjson'])(
    'stays that only looks like it: %s',
    async (filename) => {
      const { key } = await muster.addEnvironment(`stays-${Math.random().toString(36).slice(2)}`);
      const job = await importFile(`{"user_id":"${ID}"}\n`, filename, key);
      await erase(ID, key);
      const { body } = await muster.get(`/v1/background_jobs/${job.job_id}`, key).expect(200);
      expect(body.filename).toBe(job.filename);
    },
  );
});

function encodeAll(text: string): string {
  return [...Buffer.from(text)].map((byte) => `%${byte.toString(16)}`).join('');
}

describe('the header line of a CSV', () => {
  const stored = JSON.stringify({ user_id: ID, metadata: { name: NAME, phone: PHONE } });

  it('that is a row about the person loses it at once, and soon no table has it', async () => {
    const { key } = await muster.addEnvironment('header');
    await importFile(`${stored}\n`, 'u.ndjson', key);
    const header = `user_id,"${ID}",${NAME},"${PHONE}, home",plan`;
    const job = await importFile(`${header}\nanother,1,2,3,4,5\n"broken\n`, 'u.csv', key);
    expect(await inputOf(job.job_id, key)).toBe(`${header}\nanother,1,2,3,4,5\n"broken\n`);
    await erase(ID, key);
    expect(await erasuresLeft()).toBeGreaterThan(0);
    const shown = 'user_id,erased,erased,erased,plan\nanother,1,2,3,4,5\n"broken\n';
    expect(await inputOf(job.job_id, key)).toBe(shown);
    const { body } = await muster.post(`/v1/background_jobs/${job.job_id}/retry`, key).expect(202);
    expect(await inputOf(body.job_id, key)).toBe(shown);
    for (const trace of [ID, NAME, PHONE]) {
      await waitFor(`the last trace of ${trace}`, async () => {
        return (await findTraces(muster.store.pool, trace)).length === 0;
      });
    }
    expect(await inputOf(job.job_id, key)).toBe(shown);
  });

  it('keeps its words and the columns of the ids, and rows are read as before', async () => {
    const { key } = await muster.addEnvironment('words');
    for (const id of ['plan', 'user_id', 'company_id'])
      await importFile(`{"user_id":"${id}"}\n`, 'u.ndjson', key);
    const csv = 'user_id,company_id,plan\nu1,acme,pro\n';
    const job = await importFile(csv, 'u.csv', key);
    for (const id of ['plan', 'user_id', 'company_id']) await erase(id, key);
    expect(await inputOf(job.job_id, key)).toBe(csv);
    expect(await muster.results(job.job_id, '', key)).toMatchObject([{ id: 'u1', outcome: 'created' }]);
  });
});
