/** Limits of bytes and rows: what is exactly at the limit is accepted, one more is refused without a trace. */
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cpuMsOf } from '../support/cpu-time';
import { type Muster, startMuster } from '../support/muster';
import { FORM_TYPE, filePart, form, jsonOfBytes, ndjson, ndjsonOfBytes } from './support/form';
import { postBody } from './support/post-body';
import { openRaw, requestHead } from './support/raw-http';
import { expectNextImportAccepted, expectRefusal } from './support/refusal';

const GZIP = { 'Content-Encoding': 'gzip' };
/** gzip that does not make it smaller. */
const STORED = { level: 0 };
const FORM = { 'Content-Type': FORM_TYPE };

describe('bytes', () => {
  // Above a megabyte, so that rows are in the database already when the limit is passed.
  const MAX_BYTES = 2_500_000;
  let muster: Muster;
  beforeAll(async () => {
    muster = await startMuster({ maxBytes: MAX_BYTES });
  });
  afterAll(() => muster.close());

  const bodies: [string, (bytes: number) => Buffer, Record<string, string>][] = [
    ['a JSON body', jsonOfBytes, {}],
    ['a file, whatever the form around it takes', (bytes) => form(filePart(ndjsonOfBytes(bytes))), FORM],
    ['a gzip JSON body, after decompression', (bytes) => gzipSync(jsonOfBytes(bytes)), GZIP],
  ];

  it.each(bodies)('exactly at the limit is accepted: %s', async (_name, make, headers) => {
    const { body } = await postBody(muster, make(MAX_BYTES), headers).expect(202);
    expect(body.file_size).toBe(MAX_BYTES);
    expect(await muster.finished(body.job_id)).toMatchObject({ status: 'completed', failed_rows: 0 });
  });

  it.each(bodies)('one byte over is refused: %s', async (_name, make, headers) => {
    const send = () => postBody(muster, make(MAX_BYTES + 1), headers);
    const { body } = await expectRefusal(muster, send, 413, 'payload_too_large');
    expect(body.errors[0].details).toContain(String(MAX_BYTES));
  });

  it('a gzip bomb is refused when its limit is reached, not when it is inflated', async () => {
    const bomb = gzipSync(
      Buffer.concat([Buffer.from('["'), Buffer.alloc(100_000_000, 'x'), Buffer.from('"]')]),
    );
    const send = () => expectRefusal(muster, () => postBody(muster, bomb, GZIP), 413, 'payload_too_large');
    expect(await cpuMsOf(send)).toBeLessThan(2_000);
  });

  it('one line without end is refused', async () => {
    const send = () => postBody(muster, form(filePart('x'.repeat(MAX_BYTES + 1))), FORM);
    await expectRefusal(muster, send, 413, 'payload_too_large');
  });

  describe.each([
    ['a JSON body', { 'Content-Type': 'application/json' }, () => jsonOfBytes(8_000_000)],
    [
      'a gzip body',
      { 'Content-Type': 'application/json', ...GZIP },
      () => gzipSync(randomBytes(8_000_000), STORED),
    ],
    ['a file', FORM, () => form(filePart(ndjsonOfBytes(8_000_000)))],
  ])('a client that is still writing %s', (name, headers, make) => {
    const begin = async (body: Buffer) => {
      const connection = await openRaw(muster.url);
      const authorization = { Authorization: `Token ${muster.key}` };
      const length = { 'Content-Length': body.length };
      await connection.write(
        requestHead('POST', '/v1/users/bulk_identify', { ...authorization, ...length, ...headers }),
      );
      await connection.write(body.subarray(0, 3_000_000));
      return connection;
    };
    // Random bytes are no JSON: that is found before the limit is.
    const [status, code] = name === 'a gzip body' ? [400, 'invalid_json'] : [413, 'payload_too_large'];

    it('gets its answer', async () => {
      const send = async () => {
        const connection = await begin(make());
        const answer = await connection.answer();
        await connection.reset();
        return answer;
      };
      await expectRefusal(muster, send, Number(status), String(code));
    });

    it('gets its answer, may write on, and uses the connection for the next request', async () => {
      const body = make();
      const connection = await begin(body);
      expect((await connection.answer()).status).toBe(status);
      const rest = connection.write(body.subarray(3_000_000));
      const head = requestHead('GET', '/v1/background_jobs', { Authorization: `Token ${muster.key}` });
      await Promise.all([rest, connection.write(head)]);
      expect((await connection.answer(3_000)).status).toBe(200);
      await connection.reset();
    });
  });

  it('after all refusals the next import is accepted', () => expectNextImportAccepted(muster));
});

describe('rows', () => {
  const MAX_ROWS = 5;
  let muster: Muster;
  beforeAll(async () => {
    muster = await startMuster({ maxRows: MAX_ROWS });
  });
  afterAll(() => muster.close());

  const json = (rows: number) => `[${ndjson(rows).trimEnd().replaceAll('\n', ',')}]`;
  const blank = (rows: number) => `\n \r\n${ndjson(rows).replaceAll('\n', '\n\n\t\n')}`;
  const bodies: [string, (rows: number) => string | Buffer, Record<string, string>][] = [
    ['a bare array', json, {}],
    ['an array in its object', (rows) => `{"users":${json(rows)}}`, {}],
    ['a gzip body', (rows) => gzipSync(json(rows)), GZIP],
    ['a file', (rows) => form(filePart(ndjson(rows))), FORM],
    ['a file whose last line has no line break', (rows) => form(filePart(ndjson(rows).trimEnd())), FORM],
    ['a file with blank lines, which are no rows', (rows) => form(filePart(blank(rows))), FORM],
    ['a file with CR LF', (rows) => form(filePart(ndjson(rows).replaceAll('\n', '\r\n'))), FORM],
    ['a file of broken rows, which are rows', (rows) => form(filePart('{"us\n'.repeat(rows))), FORM],
  ];

  it.each(bodies)('as many as allowed are accepted: %s', async (_name, make, headers) => {
    const { body } = await postBody(muster, make(MAX_ROWS), headers).expect(202);
    expect(body.total_rows).toBe(MAX_ROWS);
    expect((await muster.finished(body.job_id)).completed_rows).toBe(MAX_ROWS);
  });

  it.each(bodies)('one more is refused: %s', async (_name, make, headers) => {
    const send = () => postBody(muster, make(MAX_ROWS + 1), headers);
    const { body } = await expectRefusal(muster, send, 413, 'too_many_rows');
    expect(body.errors[0].details).toContain(String(MAX_ROWS));
  });

  it('companies have the same limit', async () => {
    const companies = json(MAX_ROWS + 1).replaceAll('user_id', 'company_id');
    const send = () => postBody(muster, companies, {}, '/v1/companies/bulk_identify');
    await expectRefusal(muster, send, 413, 'too_many_rows');
  });

  it('after all refusals the next import is accepted', () => expectNextImportAccepted(muster));
});

describe('the limits of a fresh service', () => {
  let muster: Muster;
  beforeAll(async () => {
    muster = await startMuster();
  });
  afterAll(() => muster.close());

  it('10,000 rows are accepted and stored, blank lines among them or not', async () => {
    const job = await muster.importNdjson(ndjson(10_000).replace('\n', '\n\n\n'));
    expect(job).toMatchObject({
      status: 'completed',
      total_rows: 10_000,
      created_rows: 10_000,
      failed_rows: 0,
    });
    const { rows } = await muster.store.pool.query('SELECT count(*)::int AS users FROM users');
    expect(rows).toEqual([{ users: 10_000 }]);
  });

  it('10,001 rows are refused', async () => {
    const send = () => postBody(muster, form(filePart(ndjson(10_001))), FORM);
    await expectRefusal(muster, send, 413, 'too_many_rows');
  });

  it('a file of more than 50 MB is refused', async () => {
    const file = form(
      filePart(Buffer.alloc(52_428_801, `{"user_id":"a","metadata":{"a":"${'x'.repeat(60_000)}"}}\n`)),
    );
    await expectRefusal(muster, () => postBody(muster, file, FORM), 413, 'payload_too_large');
  });

  it('after all refusals the next import is accepted', () => expectNextImportAccepted(muster));
});
