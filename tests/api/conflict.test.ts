/** One job at a time for each environment: 409 while it runs, and what the 409 says. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, startMuster } from '../support/muster';
import { FORM_TYPE, filePart, form, ndjson } from './support/form';
import { postBody } from './support/post-body';
import { exchange, requestHead } from './support/raw-http';
import { expectRefusal } from './support/refusal';

const ROWS = 250;
const USERS_PER_MINUTE = 6_000;
const SECONDS = 3; // 2.5 s of work, in whole seconds

let muster: Muster;
let running: string;
beforeAll(async () => {
  muster = await startMuster({ workers: 0, usersPerMinute: USERS_PER_MINUTE });
  const users = Array.from({ length: ROWS }, (_, i) => ({ user_id: `u${i}` }));
  const { body } = await muster.post().send({ users }).expect(202);
  running = body.job_id;
});
afterAll(() => muster.close());

const GOOD = '[{"user_id":"second"}]';

describe('while a job is not finished', () => {
  it.each([
    ['users as JSON', '/v1/users/bulk_identify', 'application/json', Buffer.from(GOOD)],
    ['users as a file', '/v1/users/bulk_identify', FORM_TYPE, form(filePart(ndjson(3)))],
    ['companies', '/v1/companies/bulk_identify', 'application/json', Buffer.from('[{"company_id":"c"}]')],
    ['a body that is broken', '/v1/users/bulk_identify', 'application/json', Buffer.from('[{"us')],
    ['a content type that is not known', '/v1/users/bulk_identify', 'text/csv', Buffer.from('a,b')],
  ])('%s: 409 job_in_progress, with the job and the seconds it needs', async (_name, path, type, body) => {
    const send = () => postBody(muster, body, { 'Content-Type': type }, path);
    const answer = await expectRefusal(muster, send, 409, 'job_in_progress');
    expect(answer.headers['retry-after']).toBe(String(SECONDS));
    expect(answer.body.errors[0].details).toContain(running);
    expect(answer.body.detail).toContain(running);
  });

  it.each([
    ['application/json', 'application/json'],
    ['multipart/form-data', FORM_TYPE],
  ])('the answer comes while a body of 40 MB is not even begun: %s', async (_name, type) => {
    const head = requestHead('POST', '/v1/users/bulk_identify', {
      Authorization: `Token ${muster.key}`,
      'Content-Type': type,
      'Content-Length': 40 * 1024 * 1024,
    });
    // The body never comes: an answer is all that there is to wait for.
    await expectRefusal(muster, () => exchange(muster.url, head), 409, 'job_in_progress');
  });

  it('a client that asks first is not told to go on', async () => {
    const head = requestHead('POST', '/v1/users/bulk_identify', {
      Authorization: `Token ${muster.key}`,
      'Content-Type': 'application/json',
      'Content-Length': 40 * 1024 * 1024,
      Expect: '100-continue',
    });
    const answer = await expectRefusal(muster, () => exchange(muster.url, head), 409, 'job_in_progress');
    expect(answer.informational).toEqual([]);
  });

  it('a wrong parameter is told before the slot is looked at', async () => {
    const send = () => postBody(muster, GOOD, {}, '/v1/users/bulk_identify?nonsense=1');
    await expectRefusal(muster, send, 400, 'invalid_parameter');
  });

  it('a wrong key is told before the slot is looked at', async () => {
    const send = () => postBody(muster, GOOD, {}, undefined, 'mst_wrong');
    await expectRefusal(muster, send, 401, 'unauthorized');
  });

  it("another environment's import is accepted, and does not name or change this one's job", async () => {
    const { key } = await muster.addEnvironment('neighbour');
    const accepted = await postBody(muster, GOOD, {}, undefined, key).expect(202);
    const refused = await expectRefusal(
      muster,
      () => postBody(muster, GOOD, {}, undefined, key),
      409,
      'job_in_progress',
    );
    expect(refused.text).toContain(accepted.body.job_id);
    expect(refused.text).not.toContain(running);
  });

  it('a companies job blocks a users job as well', async () => {
    const { key } = await muster.addEnvironment('companies');
    const companies = '/v1/companies/bulk_identify';
    const accepted = await postBody(muster, '[{"company_id":"c"}]', {}, companies, key).expect(202);
    const send = () => postBody(muster, GOOD, {}, undefined, key);
    const refused = await expectRefusal(muster, send, 409, 'job_in_progress');
    expect(refused.text).toContain(accepted.body.job_id);
  });
});

describe('when the job works and ends', () => {
  it('it ends within the seconds that were said, and the next import is accepted at once', async () => {
    const said = await postBody(muster, GOOD).expect(409);
    const startedMs = Date.now();
    const worker = muster.startWorker();
    try {
      const job = await muster.finished(running);
      const tookSeconds = (Date.now() - startedMs) / 1000;
      expect(job).toMatchObject({ status: 'completed', created_rows: ROWS });
      expect(tookSeconds).toBeGreaterThan(Number(said.headers['retry-after']) / 3);
      // On a machine that is busy with other things too.
      expect(tookSeconds).toBeLessThan(Number(said.headers['retry-after']) * 5);
      const next = await postBody(muster, GOOD).expect(202);
      await muster.finished(next.body.job_id);
    } finally {
      await worker.close();
    }
  });

  it('a job that failed frees the slot just the same', async () => {
    const worker = muster.startWorker();
    try {
      const { body } = await postBody(muster, '[{"user_id":""}]').expect(202);
      expect((await muster.finished(body.job_id)).status).toBe('failed');
      const next = await postBody(muster, GOOD).expect(202);
      await muster.finished(next.body.job_id);
    } finally {
      await worker.close();
    }
  });
});
