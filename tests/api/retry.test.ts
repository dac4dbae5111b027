/** Retry: the failed and unprocessed rows of an ended job as a job of their own. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Muster, readText, startMuster, type WireJob } from '../support/muster';
import { waitFor } from '../support/wait';
import { postBody } from './support/post-body';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster({ usersPerMinute: 1_200 });
});
afterAll(() => muster.close());

const retry = (jobId: string, query = '') => muster.post(`/v1/background_jobs/${jobId}/retry${query}`);
const codeOf = ({ body }: { body: { errors: { error_code: string }[] } }) => body.errors[0]?.error_code;

async function input(jobId: string): Promise<string> {
  const { body } = await muster.get(`/v1/background_jobs/${jobId}/results?as=input`).buffer().parse(readText);
  return body as string;
}

it('takes the failed and the unprocessed rows, as they were sent, with their lines, and nothing else', async () => {
  const lines = Array.from({ length: 80 }, (_, n) => `{"user_id":${n % 4 === 3 ? n : `"t${n}"`}}`);
  const { body: parent } = await muster
    .post()
    .attach('file', Buffer.from(lines.join('\n')), 'nightly.ndjson')
    .expect(202);
  await waitFor('some rows to be applied', async () => {
    const { body } = await muster.get(`/v1/background_jobs/${parent.job_id}`);
    return body.created_rows > 0;
  });
  await muster.post(`/v1/background_jobs/${parent.job_id}/cancel`).expect(202);

  const done = new Set((await muster.results(parent.job_id, '?outcome=created')).map(({ line }) => line));
  const answer = await retry(parent.job_id).expect(202);
  const child = answer.body as WireJob;
  expect(answer.headers.location).toBe(`/v1/background_jobs/${child.job_id}`);
  const expected = lines.filter((_, index) => !done.has(index + 1));
  expect(child).toMatchObject({
    parent_job_id: parent.job_id,
    filename: 'nightly.ndjson',
    total_rows: expected.length,
    file_size: expected.join('').length,
    status: 'queued',
  });
  await muster.finished(child.job_id);
  expect(await input(child.job_id)).toBe(`${expected.join('\n')}\n`);
  const results = await muster.results(child.job_id);
  expect(results.map(({ row }) => row)).toEqual(expected.map((_, index) => index + 1));
  for (const { line } of results) expect(done.has(line)).toBe(false);
  const stored = await muster.store.pool.query(
    "SELECT count(*)::int AS n FROM users WHERE user_id ~ '^t\\d+$'",
  );
  expect(stored.rows[0]?.n).toBe(60);
});

it('keeps what the job was told to do, and reads a CSV with its header', async () => {
  await muster.importRows([{ user_id: 'csv1', metadata: { old: 1 } }]);
  const { body: parent } = await postBody(
    muster,
    'user_id,new\ncsv1,x\ncsv2,y\n,z\n',
    { 'Content-Type': 'text/csv' },
    '/v1/users/bulk_identify?existing=update_only&metadata=replace',
  ).expect(202);
  expect(await muster.finished(parent.job_id)).toMatchObject({ updated_rows: 1, failed_rows: 2 });
  await muster.importRows([{ user_id: 'csv2', metadata: { old: 2 } }]);
  const { body: child } = await retry(parent.job_id).expect(202);
  expect(await muster.finished(child.job_id)).toMatchObject({
    total_rows: 2,
    updated_rows: 1,
    failed_rows: 1,
  });
  expect((await muster.get('/v1/users/csv2')).body.metadata).toEqual({ new: 'y' });
});

it('is refused while the job runs, when nothing is left to do, and while the slot is taken', async () => {
  const clean = await muster.importRows([{ user_id: 'clean' }]);
  expect(codeOf(await retry(clean.job_id).expect(409))).toBe('nothing_to_retry');
  const failed = await muster.importRows([{ user_id: 'fine' }, { user_id: 3 }]);
  const { body: running } = await muster
    .post()
    .send(Array.from({ length: 100 }, (_, n) => ({ user_id: `busy${n}` })))
    .expect(202);
  expect(codeOf(await retry(running.job_id).expect(409))).toBe('job_not_finished');
  expect(codeOf(await retry(failed.job_id).expect(409))).toBe('job_in_progress');
  const { body: waiting } = await retry(failed.job_id, '?on_busy=queue').expect(202);
  expect(waiting).toMatchObject({ queue_position: 1, parent_job_id: failed.job_id });
  await muster.post(`/v1/background_jobs/${running.job_id}/cancel`).expect(202);
  expect(await muster.finished(waiting.job_id)).toMatchObject({ status: 'failed', failed_rows: 1 });
  expect(codeOf(await retry('9536d797-7039-4d30-8c11-ac437367d732').expect(404))).toBe('job_not_found');
});

it('leaves out rows of users that were erased', async () => {
  const { body: parent } = await muster
    .post()
    .send(Array.from({ length: 60 }, (_, n) => ({ user_id: `erased${n}` })))
    .expect(202);
  await muster.post(`/v1/background_jobs/${parent.job_id}/cancel`).expect(202);
  await fetch(`${muster.url}/v1/users`, {
    method: 'DELETE',
    headers: { Authorization: `Token ${muster.key}`, 'Content-Type': 'application/json' },
    body: '{"users":["erased58"]}',
  });
  const unprocessed = await muster.results(parent.job_id, '?outcome=unprocessed');
  expect(unprocessed.filter(({ erased }) => erased)).toEqual([
    { row: 59, line: null, id: null, outcome: 'unprocessed', errors: [], erased: true },
  ]);
  const { body: child } = await retry(parent.job_id).expect(202);
  expect(child.total_rows).toBe(unprocessed.length - 1);
  expect(await input(child.job_id)).not.toContain('erased58');
});
