/** What is no request, and what does not arrive in time, is answered, logged and counted as every other error. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pino from 'pino';
import type { Listener } from '#apps/api/listen';
import { serveApi } from '#apps/api/serve';
import { type Muster, startMuster } from '../support/muster';
import { waitFor } from '../support/wait';
import { uploadBySocket } from './support/python';
import { openRaw, requestHead } from './support/raw-http';
import { expectErrorBody, traces } from './support/refusal';

const PATH = '/v1/users/bulk_identify';
/** The limits of the service are 60 s and 300 s. */
const LIMITS = { headersMs: 1_000, requestMs: 2_000, checkMs: 100 };

let muster: Muster;
let api: Listener;
const log: string[] = [];
beforeAll(async () => {
  muster = await startMuster();
  const logger = pino({ level: 'info' }, { write: (line) => void log.push(line) });
  api = await serveApi({ ...muster, logger, limits: LIMITS });
});
afterAll(async () => {
  await api.close();
  await muster.close();
});

const refusals = async (code: string) => {
  const { text } = await muster.get('/metrics');
  return Number(new RegExp(`^muster_refused_total\\{code="${code}"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
};
const logged = (requestId: string | undefined) =>
  log.map((line) => JSON.parse(line)).filter((line) => line.request_id === requestId);

const post = (lines: Record<string, string | number>) =>
  requestHead('POST', PATH, {
    Authorization: `Token ${muster.key}`,
    'Content-Type': 'application/json',
    ...lines,
  });

describe('gets the error body, a request id and a line in the log, and is counted:', () => {
  it.each<[string, () => string, number, string]>([
    ['no request line', () => 'nonsense\r\n\r\n', 400, 'invalid_request'],
    ['an unknown method', () => 'WHAT / HTTP/1.1\r\nHost: h\r\n\r\n', 400, 'invalid_request'],
    ['TLS', () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'invalid_request'],
    ['a broken header', () => 'GET / HTTP/1.1\r\nHost: h\r\nbroken\r\n\r\n', 400, 'invalid_request'],
    ['no Host', () => `POST ${PATH} HTTP/1.1\r\nContent-Length: 0\r\n\r\n`, 400, 'invalid_request'],
    ['two Content-Lengths', () => post({ 'Content-Length': '1, 2' }), 400, 'invalid_request'],
    [
      'Content-Length beside Transfer-Encoding',
      () => post({ 'Content-Length': 4, 'Transfer-Encoding': 'chunked' }),
      400,
      'invalid_request',
    ],
    ['a broken chunk', () => `${post({ 'Transfer-Encoding': 'chunked' })}zz\r\n`, 400, 'invalid_request'],
    [
      'endless chunk extensions',
      () => `${post({ 'Transfer-Encoding': 'chunked' })}2;${'x'.repeat(20_000)}\r\n[]\r\n`,
      413,
      'payload_too_large',
    ],
    ['headers of 32 kB', () => post({ 'X-Big': 'x'.repeat(32_768) }), 431, 'headers_too_large'],
    ['CONNECT', () => 'CONNECT example.org:443 HTTP/1.1\r\nHost: h\r\n\r\n', 405, 'method_not_allowed'],
    ['a header that stops', () => 'GET /healthz HTTP/1.1\r\nHost', 408, 'request_timeout'],
    ['a body that stops', () => `${post({ 'Content-Length': 100 })}[`, 408, 'request_timeout'],
  ])('%s', async (_, bytes, status, code) => {
    const before = { traces: await traces(muster), count: await refusals(code) };
    const connection = await openRaw(api.url);
    await connection.write(Buffer.from(bytes(), 'latin1'));
    const answer = await connection.answer();
    expectErrorBody(answer, status, code);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(Buffer.byteLength(answer.text)),
      connection: 'close',
    });
    await waitFor('the end of the connection', () => connection.socket.closed, 5_000);
    expect(connection.received()).toBe('');
    const requestId = answer.headers['x-request-id'];
    await waitFor('the line in the log', () => logged(requestId).length > 0);
    expect(logged(requestId)).toEqual([expect.objectContaining({ msg: 'request', status, level: 30 })]);
    expect(await refusals(code)).toBe(before.count + 1);
    await waitFor('the database as it was', async () => {
      return JSON.stringify(await traces(muster)) === JSON.stringify(before.traces);
    });
  });
});

it('a request that breaks off in its body keeps its id', async () => {
  const connection = await openRaw(api.url);
  await connection.write(`${post({ 'Transfer-Encoding': 'chunked', 'X-Request-Id': 'mine-1' })}zz\r\n`);
  const answer = await connection.answer();
  expect(answer.headers['x-request-id']).toBe('mine-1');
  expectErrorBody(answer, 400, 'invalid_request');
  await connection.reset();
});

it('a client that reads after it has sent megabytes of headers reads 431', async () => {
  const head = 'GET /healthz HTTP/1.1\r\nHost: h\r\nX-Big: ';
  const answer = await uploadBySocket(api.url, head, 5_000_000);
  expect(answer).toEqual({ status: 431, body: expect.stringContaining('"headers_too_large"') });
});

it('a request that became complete after it was refused is not done', async () => {
  const before = await traces(muster);
  const connection = await openRaw(api.url);
  await connection.write(`${post({ 'Content-Length': 24 })}[{"user_id":`);
  const answer = await connection.answer();
  expect(answer.status).toBe(408);
  connection.socket.write('"too-late"}]');
  await waitFor('the end of the connection', () => connection.socket.closed, 5_000);
  await waitFor('the database as it was', async () => {
    return JSON.stringify(await traces(muster)) === JSON.stringify(before);
  });
});

describe('nothing is written into an answer that has begun:', () => {
  it('a broken chunk behind a refusal adds no second answer', async () => {
    const connection = await openRaw(api.url);
    const head = requestHead('POST', PATH, { Authorization: 'Token wrong', 'Transfer-Encoding': 'chunked' });
    await connection.write(`${head}2\r\n[]\r\n`);
    expect((await connection.answer()).status).toBe(401);
    await connection.write('zz\r\n');
    await waitFor('the end of the connection', () => connection.socket.closed, 5_000);
    expect(connection.received()).toBe('');
  });

  it('bytes that are no request behind one whose answer streams do not end up in it', async () => {
    const job = await muster.importRows([{ user_id: 'streamed' }]);
    const connection = await openRaw(api.url);
    const path = `/v1/background_jobs/${job.job_id}/results`;
    const head = requestHead('GET', path, { Authorization: `Token ${muster.key}` });
    await connection.write(`${head}nonsense\r\n\r\n`);
    await waitFor('the end of the connection', () => connection.socket.closed, 5_000);
    const [results, refusal] = connection.received().split(/(?=HTTP\/1\.1 400)/);
    expect(results).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n0\r\n\r\n$/);
    expect(refusal).toContain('"invalid_request"');
  });
});
