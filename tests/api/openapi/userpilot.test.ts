/** What we take and answer is what Userpilot's own OpenAPI document says. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020';
import { type Muster, startMuster } from '../../support/muster';
import { document, operations } from './document';
import { GUIDE_MEMBERS, JOB_MEMBERS, JOB_SCHEMA, REQUEST_EXAMPLE, REQUEST_SCHEMA } from './userpilot';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

// Formats are remarks in that document: its job_id is no uri, and `style` is no format.
const ajv = new Ajv2020({ strict: true, allErrors: true, validateFormats: false });
const isJob = ajv.compile(JOB_SCHEMA);
const isRequest = ajv.compile(REQUEST_SCHEMA);

function expectUserpilotJob(job: unknown): void {
  isJob(job);
  expect(isJob.errors ?? []).toEqual([]);
  expect(Object.keys(job as object)).toEqual(
    expect.arrayContaining([...Object.keys(JOB_MEMBERS), ...GUIDE_MEMBERS]),
  );
}

describe('jobs are as in Userpilot’s document', () => {
  it('when they are accepted, read, and listed', async () => {
    const { body: accepted } = await muster.post().send(REQUEST_EXAMPLE).expect(202);
    expectUserpilotJob(accepted);
    expectUserpilotJob(await muster.finished(accepted.job_id));
    const { body: list } = await muster.get('/v1/background_jobs').expect(200);
    expect(list).toHaveLength(1);
    for (const job of list) expectUserpilotJob(job);
  });

  it('when a file is uploaded', async () => {
    const answer = await muster
      .post()
      .attach('file', Buffer.from('{"user_id":"u"}\n'), 'users.ndjson')
      .expect(202);
    expectUserpilotJob(answer.body);
    expectUserpilotJob(await muster.finished(answer.body.job_id));
  });

  it('when not one row could be applied', async () => {
    const failed = await muster.importRows([{ user_id: 1 }]);
    expect(failed.status).toBe('failed');
    expectUserpilotJob(failed);
  });

  it('when they were canceled, which its list of states does not know', async () => {
    const idle = await startMuster({ workers: 0 });
    try {
      const { body } = await idle.post().send(REQUEST_EXAMPLE).expect(202);
      const canceled = await idle.post(`/v1/background_jobs/${body.job_id}/cancel`).expect(202);
      expectUserpilotJob(canceled.body);
      expect(canceled.body).toMatchObject({ status: 'failed', error: { code: 'canceled' } });
    } finally {
      await idle.close();
    }
  });
});

describe('our document says what Userpilot’s says', () => {
  const { Job, JobStatus } = document.components.schemas;

  it('of the members of a job and of its states', () => {
    expect(Job?.required).toEqual(expect.arrayContaining(Object.keys(JOB_MEMBERS)));
    expect(JobStatus?.enum).toEqual(JOB_MEMBERS.status.enum);
    const examples = (Job?.examples ?? []) as unknown[];
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) expectUserpilotJob(example);
  });

  it('of the request: its example is accepted, and ours are requests as it describes them', () => {
    expect(isRequest(REQUEST_EXAMPLE)).toBe(true);
    const operation = operations.find(({ path }) => path === '/v1/users/bulk_identify');
    const examples = operation?.requestBody?.content['application/json']?.examples;
    isRequest(examples?.envelope?.value);
    expect(isRequest.errors ?? []).toEqual([]);
    expect(examples?.envelope?.value).toBeDefined();
  });
});
