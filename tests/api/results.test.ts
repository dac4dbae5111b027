/** Results: 1:1 with what was sent, in its order; and the rows themselves, byte for byte, to be fixed and sent again. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, readText, startMuster, type WireJob } from '../support/muster';
import { waitFor } from '../support/wait';
import { postBody } from './support/post-body';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

async function importBody(body: string | Buffer, type: string, timeoutMs = 60_000): Promise<WireJob> {
  const { body: job } = await postBody(muster, body, { 'Content-Type': type }).expect(202);
  return muster.finished(job.job_id, muster.key, timeoutMs);
}

async function text(jobId: string, query = '', accept = '*/*') {
  const { body, headers } = await muster
    .get(`/v1/background_jobs/${jobId}/results${query}`)
    .set('Accept', accept)
    .buffer()
    .parse(readText)
    .expect(200);
  return { text: body as string, headers };
}

const NDJSON_ROWS = [
  '{"user_id":"r1","metadata":{"n":1.10}}',
  '{"user_id":7}',
  '  {"metadata":{"a":[1]} , "user_id":"r3"}\t',
  '{"user_id":"r1","metadata":{"n":1.10}}',
  'not json',
  '{"user_id":"r1","metadata":{"n":2}}',
];
const NDJSON = `${NDJSON_ROWS.slice(0, 2).join('\r\n')}\n\n \n${NDJSON_ROWS.slice(2).join('\n')}`;

describe('results', () => {
  let job: WireJob;
  beforeAll(async () => {
    job = await importBody(NDJSON, 'application/x-ndjson');
  });

  it('say of every row, in its order, where it stood, whom it is about, what became of it and why', async () => {
    const { text: body, headers } = await text(job.job_id);
    expect(headers['content-type']).toBe('application/x-ndjson');
    const message = expect.stringMatching(/^[A-Z].*\.$/);
    const failed = (code: string, path: string) => ({ outcome: 'failed', errors: [{ code, path, message }] });
    const superseded = { superseded: true };
    expect(
      body
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { row: 1, line: 1, id: 'r1', outcome: 'created', errors: [], ...superseded },
      { row: 2, line: 2, id: null, ...failed('id_invalid', 'user_id') },
      { row: 3, line: 5, id: 'r3', ...failed('metadata_value_invalid', 'metadata.a') },
      { row: 4, line: 6, id: 'r1', outcome: 'unchanged', errors: [], ...superseded },
      { row: 5, line: 7, id: null, ...failed('invalid_json', '') },
      { row: 6, line: 8, id: 'r1', outcome: 'updated', errors: [] },
    ]);
  });

  it('can be only those with some outcomes', async () => {
    expect((await muster.results(job.job_id, '?outcome=failed')).map(({ row }) => row)).toEqual([2, 3, 5]);
    expect((await muster.results(job.job_id, '?outcome=created,updated')).map(({ row }) => row)).toEqual([
      1, 6,
    ]);
    expect(await muster.results(job.job_id, '?outcome=unprocessed')).toEqual([]);
  });

  it('give the rows back as they were sent, byte for byte, all of them or the failed ones', async () => {
    expect((await text(job.job_id, '?as=input')).text).toBe(`${NDJSON_ROWS.join('\n')}\n`);
    const failed = [NDJSON_ROWS[1], NDJSON_ROWS[2], NDJSON_ROWS[4]];
    expect((await text(job.job_id, '?as=input&outcome=failed')).text).toBe(`${failed.join('\n')}\n`);
  });

  it('are a CSV file when that is asked for', async () => {
    const { text: body, headers } = await text(job.job_id, '?outcome=failed', 'text/csv');
    expect(headers['content-type']).toBe('text/csv; charset=utf-8');
    expect(headers['content-disposition']).toBe(`attachment; filename=${job.job_id}-results.csv`);
    const [head, ...records] = body.split('\n');
    expect(head).toBe('row,line,id,outcome,erased,error_codes,error_messages');
    expect(records[1]).toMatch(/^3,5,r3,failed,false,metadata_value_invalid,.*metadata\.a: .+/);
    expect(records).toHaveLength(4);
  });

  it('refuse an outcome or a form that there is not, and are nobody else’s', async () => {
    const path = `/v1/background_jobs/${job.job_id}/results`;
    for (const query of ['?outcome=lost', '?outcome=', '?outcome=failed,', '?as=xml', '?limit=3']) {
      const { body } = await muster.get(path + query).expect(400);
      expect(body.errors[0].error_code).toBe('invalid_parameter');
    }
    const { key } = await muster.addEnvironment('results-stranger');
    const { body } = await muster.get(path, key).expect(404);
    expect(body.errors[0].error_code).toBe('job_not_found');
    await muster.post(path).expect(405).expect('Allow', 'GET, HEAD');
  });
});

it('a JSON body comes back as one element a line, its own text, without lines', async () => {
  const job = await importBody(
    '[{"user_id":"j1",\n  "metadata":{"n":1e2}},\r\n{"user_id":""}]',
    'application/json',
  );
  expect(await muster.results(job.job_id)).toMatchObject([
    { row: 1, line: null, id: 'j1', outcome: 'created' },
    { row: 2, line: null, id: null, outcome: 'failed' },
  ]);
  const { text: body, headers } = await text(job.job_id, '?as=input');
  expect(body).toBe('{"user_id":"j1",   "metadata":{"n":1e2}}\n{"user_id":""}\n');
  expect(headers['content-type']).toBe('application/x-ndjson');
});

it('a CSV file comes back with its header, records over several lines whole', async () => {
  const header = '"user_id",note,company_id';
  const job = await importBody(`\ufeff${header}\r\nc1,"one\ntwo",\r\n,x,\r\nc3,"a ""b""",k\r\n`, 'text/csv');
  expect(await muster.results(job.job_id)).toMatchObject([
    { row: 1, line: 2, id: 'c1', outcome: 'created' },
    { row: 2, line: 4, id: null, outcome: 'failed' },
    { row: 3, line: 5, id: 'c3', outcome: 'created' },
  ]);
  const { text: body, headers } = await text(job.job_id, '?as=input');
  expect(headers['content-type']).toBe('text/csv; charset=utf-8');
  expect(body).toBe(`${header}\nc1,"one\ntwo",\n,x,\nc3,"a ""b""",k\n`);
  expect((await text(job.job_id, '?as=input&outcome=failed')).text).toBe(`${header}\n,x,\n`);
});

it('what a spreadsheet would take for a formula is text in the CSV', async () => {
  const ids = ['=1+1', '+1', '-1', '@a', '=cmd|"/c calc"!A0', 'plain'];
  const job = await muster.importRows(ids.map((id) => ({ user_id: id })));
  const { text: body } = await text(job.job_id, '', 'text/csv');
  const cells = body
    .split('\n')
    .slice(1, -1)
    .map((record) => record.split(',')[2]);
  expect(cells).toEqual(["'=1+1", "'+1", "'-1", "'@a", `"'=cmd|""/c calc""!A0"`, 'plain']);
});

it('rows of erased users keep their place and say nothing about them', async () => {
  const job = await muster.importRows(['keep', 'gone', 'last'].map((id) => ({ user_id: `erase-${id}` })));
  await fetch(`${muster.url}/v1/users`, {
    method: 'DELETE',
    headers: { Authorization: `Token ${muster.key}`, 'Content-Type': 'application/json' },
    body: '{"users":["erase-gone"]}',
  });
  expect(await muster.results(job.job_id)).toMatchObject([
    { row: 1, id: 'erase-keep' },
    { row: 2, line: null, id: null, outcome: 'created', errors: [], erased: true },
    { row: 3, id: 'erase-last' },
  ]);
  const { text: input } = await text(job.job_id, '?as=input');
  expect(input).toBe('{"user_id":"erase-keep"}\n{"user_id":"erase-last"}\n');
});

it('10,000 rows of 5 kB come back whole, with little in memory at a time, also to a client that reads slowly', async () => {
  const pad = 'x'.repeat(4_900);
  const rows = Array.from({ length: 10_000 }, (_, n) => `{"user_id":"big${n}","metadata":{"pad":"${pad}"}}`);
  const body = `${rows.join('\n')}\n`;
  const job = await importBody(body, 'application/x-ndjson', 150_000);
  const answer = await fetch(`${muster.url}/v1/background_jobs/${job.job_id}/results?as=input`, {
    headers: { Authorization: `Token ${muster.key}` },
  });
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  const chunks = [(await reader.read()).value ?? new Uint8Array()];
  // The client reads no further, and soon the service does not either.
  await waitFor('the service to wait for its client', async () => {
    const { rows: busy } = await muster.store.pool.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'
         AND pid <> pg_backend_pid() AND query LIKE '%staged_rows%'`,
    );
    return busy.length === 0;
  });
  for (let read = await reader.read(); !read.done; read = await reader.read()) chunks.push(read.value);
  expect(Buffer.concat(chunks).equals(Buffer.from(body))).toBe(true);
}, 180_000);
