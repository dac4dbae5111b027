/** Envelope faults: each has its status and code, and nothing of the request stays behind. */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, startMuster } from '../support/muster';
import { FORM_TYPE, filePart, form } from './support/form';
import { postBody } from './support/post-body';
import { exchange, requestHead } from './support/raw-http';
import { expectErrorBody, expectNextImportAccepted, expectRefusal } from './support/refusal';

const GOOD = '{"users":[{"user_id":"a"}]}';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

const send = (body: string | Buffer, headers?: Record<string, string>, path?: string) =>
  postBody(muster, body, headers, path);

describe('a JSON body with one fault of syntax anywhere is refused as a whole', () => {
  it.each([
    ['nothing', ''],
    ['white space only', ' \n\t '],
    ['cut within the array', '{"users":[{"user_id":"a"},'],
    ['cut before the last brace', '{"users":[{"user_id":"a"}]'],
    ['text after the end', `${GOOD} x`],
    ['a second text after the end', `${GOOD}\n${GOOD}`],
    ['a comma too many in the array', '{"users":[{"user_id":"a"},]}'],
    ['a comma too many in a row', '{"users":[{"user_id":"a",}]}'],
    ['a fault in the last of three rows', '{"users":[{"user_id":"a"},{"user_id":"b"},{"user_id":}]}'],
    ['a fault behind the array', '{"users":[{"user_id":"a"}],"more":tru}'],
    ['a fault in an ignored key before the array', '{"more":01,"users":[{"user_id":"a"}]}'],
    ['single quotes', "{'users':[{'user_id':'a'}]}"],
    ['a comment', `/* users */ ${GOOD}`],
    ['NaN as a value', '{"users":[{"user_id":"a","metadata":{"n":NaN}}]}'],
    ['a raw line break within a string', '{"users":[{"user_id":"a\nb"}]}'],
    ['an unknown escape', '{"users":[{"user_id":"\\x41"}]}'],
    ['users twice', '{"users":[{"user_id":"a"}],"users":[{"user_id":"b"}]}'],
    ['users twice, once in escapes', '{"users":[{"user_id":"a"}],"\\u0075sers":[{"user_id":"b"}]}'],
    ['NDJSON sent as JSON', '{"user_id":"a"}\n{"user_id":"b"}\n'],
    ['UTF-16', Buffer.from(`\ufeff${GOOD}`, 'utf16le')],
    ['an array that never closes, 100,000 deep', '['.repeat(100_000)],
  ])('%s', async (_name, body) => {
    await expectRefusal(muster, () => send(body), 400, 'invalid_json');
  });

  it('and the answer quotes neither the body nor a parser', async () => {
    const { text } = await expectRefusal(
      muster,
      () => send('{"users":[{"user_id":"canary@example.com" oops}]}'),
      400,
      'invalid_json',
    );
    expect(text).not.toMatch(/canary|oops|Unexpected|position/);
  });

  it('also when the fault comes after megabytes of good rows', async () => {
    const rows = Array.from(
      { length: 300 },
      (_, i) => `{"user_id":"${i}","metadata":{"x":"${'y'.repeat(9000)}"}}`,
    );
    await expectRefusal(muster, () => send(`[${rows.join(',')}`), 400, 'invalid_json');
  });
});

describe('valid JSON without an array of rows is refused', () => {
  it.each([
    ['null', 'null'],
    ['a number', '42'],
    ['a string', '"users"'],
    ['an empty object', '{}'],
    ['users null', '{"users":null}'],
    ['users an object', '{"users":{"user_id":"a"}}'],
    ['users a string', '{"users":"[]"}'],
    ['users deeper down', '{"data":{"users":[{"user_id":"a"}]}}'],
    ['another case', '{"Users":[{"user_id":"a"}]}'],
    ['companies instead', '{"companies":[{"company_id":"a"}]}'],
  ])('as missing_users: %s', async (_name, body) => {
    await expectRefusal(muster, () => send(body), 400, 'missing_users');
  });

  it.each([
    ['null', 'null'],
    ['an empty object', '{}'],
    ['users instead', GOOD],
  ])('as missing_companies: %s', async (_name, body) => {
    const companies = () => send(body, {}, '/v1/companies/bulk_identify');
    await expectRefusal(muster, companies, 400, 'missing_companies');
  });
});

describe('an import without rows is refused as empty_import', () => {
  it.each([
    ['a bare empty array', '[]'],
    ['an empty array of users', '{"users":[ ]}'],
  ])('%s', async (_name, body) => {
    await expectRefusal(muster, () => send(body), 400, 'empty_import');
  });

  it('an empty array of companies', async () => {
    const companies = () => send('{"companies":[]}', {}, '/v1/companies/bulk_identify');
    await expectRefusal(muster, companies, 400, 'empty_import');
  });

  it.each([
    ['of 0 bytes', ''],
    ['of one line break', '\n'],
    ['of blank lines', ' \n\r\n\t\n  \n'],
    ['of a byte order mark', '\ufeff'],
    ['of a byte order mark and blank lines', '\ufeff\n\n'],
  ])('a file %s', async (_name, text) => {
    const file = () => send(form(filePart(text)), { 'Content-Type': FORM_TYPE });
    await expectRefusal(muster, file, 400, 'empty_import');
  });
});

describe('an unknown or wrong query parameter is refused as invalid_parameter', () => {
  it.each([
    '?dryrun=1',
    '?dry_run=1',
    '?dry_run=true&dry_run=true',
    '?on_busy=wait',
    '?existing=insert',
    '?metadata=merge,replace',
    '?token=x',
    '?constructor=x',
    '?__proto__=x',
    '?=x',
    '?a[b]=x',
  ])('POST with %s', async (query) => {
    const request = () => send(GOOD, {}, `/v1/users/bulk_identify${query}`);
    await expectRefusal(muster, request, 400, 'invalid_parameter');
  });

  it('and its value is not quoted', async () => {
    const request = () => send(GOOD, {}, '/v1/users/bulk_identify?canary1=canary2');
    const { text } = await expectRefusal(muster, request, 400, 'invalid_parameter');
    expect(text).not.toContain('canary');
  });
});

describe('what is none of the types that are read is refused as unsupported_media_type', () => {
  it.each([
    ['text/plain'],
    ['text/json'],
    ['application/x-www-form-urlencoded'],
    ['application/vnd.api+json'],
    ['application/octet-stream'],
    ['multipart/mixed; boundary=B'],
    ['multipart/related; boundary=B'],
    ['application'],
    ['application/json/x'],
    ['application/json; charset=utf-16'],
    ['application/json; charset=iso-8859-1'],
    ['application/json; charset=bogus'],
  ])('Content-Type: %s', async (type) => {
    await expectRefusal(muster, () => send(GOOD, { 'Content-Type': type }), 415, 'unsupported_media_type');
  });

  it('no Content-Type', async () => {
    const head = requestHead('POST', '/v1/users/bulk_identify', {
      Authorization: `Token ${muster.key}`,
      'Content-Length': GOOD.length,
    });
    await expectRefusal(muster, () => exchange(muster.url, head, GOOD), 415, 'unsupported_media_type');
  });

  it.each(['br', 'deflate', 'zstd', 'gzip, gzip', 'bogus'])('Content-Encoding: %s', async (encoding) => {
    const request = () => send(gzipSync(GOOD), { 'Content-Encoding': encoding });
    await expectRefusal(muster, request, 415, 'unsupported_media_type');
  });

  it('a form in gzip', async () => {
    const headers = { 'Content-Type': FORM_TYPE, 'Content-Encoding': 'gzip' };
    const request = () => send(gzipSync(form(filePart())), headers);
    await expectRefusal(muster, request, 415, 'unsupported_media_type');
  });
});

describe('a broken gzip body is refused as invalid_json', () => {
  it.each([
    ['no gzip at all', Buffer.from(GOOD)],
    ['cut off', gzipSync(GOOD).subarray(0, -9)],
    ['a wrong checksum', Buffer.concat([gzipSync(GOOD).subarray(0, -8), Buffer.alloc(8, 1)])],
    ['empty', Buffer.alloc(0)],
  ])('%s', async (_name, body) => {
    await expectRefusal(muster, () => send(body, { 'Content-Encoding': 'gzip' }), 400, 'invalid_json');
  });
});

describe('the form of an error', () => {
  it.each([
    ['application/problem+json', 'application/problem+json'],
    ['application/problem+json, application/json;q=0.5', 'application/problem+json'],
    ['application/json', 'application/json'],
    ['*/*', 'application/json'],
    ['text/html', 'application/json'],
  ])('for Accept: %s is %s, with the same members', async (accept, type) => {
    const answer = await send('[]', { Accept: accept });
    expectErrorBody({ ...answer, body: JSON.parse(answer.text) }, 400, 'empty_import');
    expect(answer.headers['content-type']).toBe(`${type}; charset=utf-8`);
  });
});

it('after all refusals the next import is accepted', () => expectNextImportAccepted(muster));
