/** What callers learn about an answer that is not a success, whoever gave it. */
import { inspect } from 'node:util';
import { afterEach, expect, it } from '@jest/globals';
import type { ErrorCode as ApiErrorCode } from '#client/api';
import { createClient, isMusterError, MusterError } from '#client/index';
import type { ErrorCode } from '#errors';
import { type Answer, type HttpServer, json, makeJob, refuse, serve } from './support/http-server';

let server: HttpServer;
afterEach(() => server?.close());

/** What a read of a job throws when the service answers so. */
async function thrownFor(answer: Answer): Promise<MusterError> {
  server = await serve(answer);
  return createClient({ url: server.url, apiKey: 'k', retries: 0 })
    .job('j1')
    .then(
      () => Promise.reject(new Error('no error was thrown')),
      (error: MusterError) => error,
    );
}

it('an error has the sentence of the service and its details as message, the code, and the id of the request', async () => {
  const error = await thrownFor((res) => refuse(res, 409, 'job_in_progress', { 'Retry-After': '17' }));
  expect(error).toBeInstanceOf(MusterError);
  expect(error).toMatchObject({
    name: 'MusterError',
    message: 'The sentence. The details.',
    status: 409,
    code: 'job_in_progress',
    details: 'The details.',
    requestId: 'request-1',
    retryAfterSeconds: 17,
  });
});

it('an error says whether it has one of some codes', async () => {
  const error = await thrownFor((res) => refuse(res, 404, 'job_not_found'));
  expect(error.is('job_not_found')).toBe(true);
  expect(error.is('unauthorized', 'job_not_found')).toBe(true);
  expect(error.is('unauthorized')).toBe(false);
  expect(isMusterError(error)).toBe(true);
  expect(isMusterError(error, 'job_not_found')).toBe(true);
  expect(isMusterError(error, 'unauthorized')).toBe(false);
  expect(isMusterError(new Error('another'))).toBe(false);
});

it.each([
  [401, 'unauthorized'],
  [403, 'forbidden'],
  [404, 'not_found'],
  [409, 'job_in_progress'],
  [413, 'payload_too_large'],
  [415, 'unsupported_media_type'],
  [429, 'rate_limited'],
  [500, 'internal'],
  [502, 'unavailable'],
  [503, 'unavailable'],
  [418, 'unexpected_answer'],
])('a status %i of a server that does not know our codes is %s', async (status, code) => {
  const errors = [{ error_code: 'their_own', error: 'Title', message: 'Their sentence.', details: '' }];
  const error = await thrownFor((res) => json(res, status, { errors }));
  expect(error).toMatchObject({ status, code, message: 'Their sentence.' });
});

it.each([
  ['HTML', '<html>Bad Gateway</html>'],
  ['nothing', ''],
  ['null', 'null'],
  ['another shape', '{"errors":{"code":1}}'],
])('an error whose body is %s still is an error with a sentence', async (_what, body) => {
  const error = await thrownFor((res) => void res.writeHead(502, { 'X-Request-Id': 'r7' }).end(body));
  expect(error).toMatchObject({
    status: 502,
    code: 'unavailable',
    message: 'The service answered 502.',
    requestId: 'r7',
  });
});

it('a success that is not of the API is an unexpected answer', async () => {
  const error = await thrownFor((res) => void res.writeHead(200).end('<html>Welcome to the hotel</html>'));
  expect(error).toMatchObject({ status: 200, code: 'unexpected_answer' });
  expect(inspect(error)).not.toMatch(/hotel|html/);
});

it('a redirect is refused, and neither the key nor the rows go where it leads', async () => {
  const elsewhere = await serve((res) => json(res, 202, makeJob()));
  server = await serve((res) => void res.writeHead(307, { Location: elsewhere.url }).end());
  const client = createClient({ url: server.url, apiKey: 'k' });
  await expect(client.importUsers([{ user_id: 'u1' }])).rejects.toMatchObject({ code: 'unexpected_answer' });
  expect(elsewhere.requests).toEqual([]);
  await elsewhere.close();
});

it('a key that no header can carry is refused without being quoted', () => {
  for (const apiKey of ['', ' ', 'sec\nret', 'secret\u00e9']) {
    let thrown: unknown;
    try {
      createClient({ url: 'http://localhost', apiKey });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(TypeError);
    expect(String(thrown)).not.toMatch(/sec/);
  }
});

it('an address that is not one of HTTP is refused', () => {
  expect(() => createClient({ url: 'localhost:3000', apiKey: 'k' })).toThrow(TypeError);
  expect(() => createClient({ url: 'file:///tmp', apiKey: 'k' })).toThrow(TypeError);
  expect(() => createClient({ url: 'http://me:secret@localhost', apiKey: 'k' })).toThrow(
    new TypeError('The url must not hold a password.'),
  );
});

it('the codes of the client are those of the service', () => {
  // The compiler checks it: each line is refused when a code is missing on one side.
  const ours: ErrorCode = 'internal' as ApiErrorCode;
  const theirs: ApiErrorCode = 'internal' as ErrorCode;
  expect(ours).toBe(theirs);
});
