/** What a file is, and not what it is called, decides what becomes of it: no file of another kind fails row by row. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, startMuster } from '../support/muster';
import { FORM_TYPE, filePart, form } from './support/form';
import { postBody } from './support/post-body';
import { openRaw, requestHead } from './support/raw-http';
import { expectRefusal } from './support/refusal';

const ROWS = '{"user_id":"kind-1","metadata":{"n":1}}\n{"user_id":"kind-2"}\n';
const USERS = [{ user_id: 'kind-1', metadata: { n: 1 } }, { user_id: 'kind-2' }];
const WORKBOOK = Buffer.from(`\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1${'\0'.repeat(2_000)}`, 'latin1');

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

const sendFile = (bytes: string | Buffer, filename = 'users.ndjson') =>
  postBody(muster, form(filePart(bytes, filename)), { 'Content-Type': FORM_TYPE });
const sendBody = (bytes: string | Buffer, type: string) => postBody(muster, bytes, { 'Content-Type': type });

const KINDS: [string, Buffer, RegExp][] = [
  ['Zstandard', Buffer.from('\x28\xb5\x2f\xfd\x24\x00', 'latin1'), /Zstandard/],
  ['an old Excel workbook', WORKBOOK, /XLS.*password.*XLSX/],
  ['a picture', Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1'), /image/],
  ['UTF-32 text', Buffer.from(Array.from(ROWS).flatMap((c) => [c.charCodeAt(0), 0, 0, 0])), /UTF-32.*UTF-8/],
];

describe.each(KINDS)('%s is refused, and named,', (_, bytes, sentence) => {
  it.each([
    ['as an NDJSON file', () => sendFile(bytes), 'invalid_json'],
    ['as a CSV file', () => sendFile(bytes, 'users.csv'), 'missing_users'],
    ['as an NDJSON body', () => sendBody(bytes, 'application/x-ndjson'), 'invalid_json'],
    ['as a CSV body', () => sendBody(bytes, 'text/csv'), 'missing_users'],
    ['as a JSON body', () => sendBody(bytes, 'application/json'), 'invalid_json'],
  ] as const)('%s', async (_how, send, code) => {
    const { body } = await expectRefusal(muster, send, 400, code);
    expect(body.errors[0].details).toMatch(sentence);
  });
});

describe('a file that is one JSON document is read as one:', () => {
  it.each([
    ['an array', JSON.stringify(USERS)],
    ['an array over many lines', JSON.stringify(USERS, null, 2)],
    ['the users', JSON.stringify({ users: USERS })],
    ['the users over many lines', JSON.stringify({ users: USERS }, null, 2)],
    ['an array with a byte order mark', `\ufeff${JSON.stringify(USERS, null, '\t')}`],
    ['an array behind many blank lines', `${'\n'.repeat(100)}${JSON.stringify(USERS)}`],
  ])('%s', async (_, text) => {
    const { body } = await sendFile(text).expect(202);
    expect(await muster.finished(body.job_id)).toMatchObject({
      status: 'completed',
      filename: 'users.ndjson',
      total_rows: 2,
      failed_rows: 0,
    });
  });

  it('wherever the network cuts it', async () => {
    const text = form(filePart(JSON.stringify({ users: USERS }, null, 2)));
    const connection = await openRaw(muster.url);
    const headers = {
      Authorization: `Token ${muster.key}`,
      'Content-Type': FORM_TYPE,
      'Content-Length': text.length,
    };
    await connection.write(requestHead('POST', '/v1/users/bulk_identify', headers));
    for (let at = 0; at < text.length; at++) await connection.write(text.subarray(at, at + 1));
    const { status, body } = await connection.answer();
    expect(status).toBe(202);
    const { job_id: jobId } = body as { job_id: string };
    expect(await muster.finished(jobId)).toMatchObject({ total_rows: 2, failed_rows: 0 });
    await connection.reset();
  });

  it('one that holds no users is refused as a whole', async () => {
    await expectRefusal(
      muster,
      () => sendFile('{\n  "users": 1,\n "companies": []\n}\n'),
      400,
      'missing_users',
    );
    await expectRefusal(muster, () => sendFile('[\n]\n'), 400, 'empty_import');
    await expectRefusal(muster, () => sendFile('[{"user_id":"a"}'), 400, 'invalid_json');
  });
});

it('a body that says it is NDJSON and is one JSON document is read as one, and that is said', async () => {
  const { body } = await sendBody(JSON.stringify({ users: USERS }, null, 2), 'application/x-ndjson').expect(
    202,
  );
  expect(await muster.finished(body.job_id)).toMatchObject({
    total_rows: 2,
    failed_rows: 0,
    warnings: [{ code: 'read_as_json' }],
  });
});

it('UTF-16 text is read as a file and as a body, and that is said', async () => {
  const wide = Buffer.from(`\ufeff${ROWS}`, 'utf16le');
  for (const send of [() => sendFile(wide), () => sendBody(wide, 'application/x-ndjson')]) {
    const { body } = await send().expect(202);
    expect(await muster.finished(body.job_id)).toMatchObject({
      total_rows: 2,
      failed_rows: 0,
      warnings: [{ code: 'encoding_detected' }],
    });
  }
});

it('a file of lines whose first one is broken is still a file of lines', async () => {
  for (const first of ['[]', '[1,2]', '{', 'nonsense', '\ufffe', '\0\0\0\0\0\0']) {
    const job = await muster.importNdjson(`${first}\n${ROWS}`);
    expect(job).toMatchObject({ status: 'completed', total_rows: 3, failed_rows: 1 });
  }
});
