/** HTTP at its edges: broken or ambiguous requests end with a 4xx and never with two answers, an accident or a hang. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, startMuster } from '../support/muster';
import { waitFor } from '../support/wait';
import { exchange, openRaw, requestHead } from './support/raw-http';
import { expectNextImportAccepted, traces } from './support/refusal';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

const BODY = '[{"user_id":"smuggled"}]';
const CHUNKED_BODY = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`;
const PATH = '/v1/users/bulk_identify';

function head(lines: string[]): string {
  const common = [
    `POST ${PATH} HTTP/1.1`,
    `Authorization: Token ${muster.key}`,
    'Content-Type: application/json',
  ];
  return [...common, ...lines, '', ''].join('\r\n');
}

describe('a request whose length is ambiguous is refused and its connection closed', () => {
  const HOST = 'Host: muster.test';
  it.each([
    [
      'Content-Length and Transfer-Encoding',
      [HOST, 'Content-Length: 4', 'Transfer-Encoding: chunked'],
      CHUNKED_BODY,
    ],
    ['two Content-Lengths', [HOST, 'Content-Length: 24', 'Content-Length: 4'], BODY],
    ['a list of Content-Lengths', [HOST, 'Content-Length: 24, 4'], BODY],
    ['a negative Content-Length', [HOST, 'Content-Length: -24'], BODY],
    ['a Content-Length with a sign', [HOST, 'Content-Length: +24'], BODY],
    ['a hexadecimal Content-Length', [HOST, 'Content-Length: 0x18'], BODY],
    ['a huge Content-Length', [HOST, 'Content-Length: 99999999999999999999999'], BODY],
    ['chunked that is not the last', [HOST, 'Transfer-Encoding: chunked, identity'], CHUNKED_BODY],
    ['a space before the colon', [HOST, 'Content-Length : 24'], BODY],
    ['a broken chunk size', [HOST, 'Transfer-Encoding: chunked'], `zz\r\n${BODY}\r\n0\r\n\r\n`],
    ['a header line that is no header', [HOST, 'nonsense', 'Content-Length: 24'], BODY],
    ['a control character in a header', [HOST, 'X-Other: a\u0000b', 'Content-Length: 24'], BODY],
  ])('%s', async (_name, lines, body) => {
    const before = await traces(muster);
    const connection = await openRaw(muster.url);
    // A request smuggled in behind must not be answered.
    await connection.write(`${head(lines)}${body}GET /healthz HTTP/1.1\r\n${HOST}\r\n\r\n`);
    const answer = await connection.answer();
    expect(answer.status).toBe(400);
    await waitFor('the end of the connection', () => connection.socket.closed, 5_000);
    expect(connection.received()).not.toContain('HTTP/1.1');
    expect(await traces(muster)).toEqual(before);
  });
});

describe('a head beyond all measure is refused', () => {
  it.each([
    ['a header of 32 kB', { 'X-Big': 'x'.repeat(32_768) }],
    ['3,000 headers', Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`X-${i}`, 'value']))],
  ])('%s', async (_name, headers) => {
    const answer = await exchange(muster.url, requestHead('GET', '/healthz', headers));
    expect(answer.status).toBe(431);
  });
});

describe('a request whose host is unclear is refused with the error body, and nothing of it is done', () => {
  const authorized = () => `Authorization: Token ${muster.key}`;
  const WRONG = [
    '',
    ' ',
    '[',
    'a b',
    'x:y:z',
    '%',
    'user@host',
    '://',
    'a/b',
    'a,b',
    'host:65536',
    '[::1',
    'é',
    '"',
  ];

  it.each([
    ['no Host', []],
    ['two Hosts', ['Host: a', 'Host: b']],
    ...WRONG.map((host): [string, string[]] => [`Host: ${JSON.stringify(host)}`, [`Host: ${host}`]]),
  ])('%s', async (_, hosts) => {
    const before = await traces(muster);
    for (const first of ['GET /v1/users', 'GET /v1/users/nobody', 'GET /healthz', `POST ${PATH}`]) {
      const lines = [
        ...hosts,
        authorized(),
        'Content-Type: application/json',
        `Content-Length: ${BODY.length}`,
      ];
      const bytes = [`${first} HTTP/1.1`, ...lines, '', BODY].join('\r\n');
      const answer = await exchange(muster.url, Buffer.from(bytes, 'latin1'));
      expect(answer.headers['content-type']).toMatch(/^application\/json/);
      expect(answer.body).toMatchObject({ status: 400, errors: [{ error_code: 'invalid_request' }] });
    }
    expect(await traces(muster)).toEqual(before);
  });

  it.each(['localhost', 'LOCALHOST:80', 'a.example.', 'my_service:3000', '127.0.0.1', '[::1]:3000', 'host:'])(
    'Host: %s is one',
    async (host) => {
      const bytes = `GET /v1/users/nobody HTTP/1.1\r\nHost: ${host}\r\n${authorized()}\r\n\r\n`;
      expect((await exchange(muster.url, bytes)).status).toBe(404);
    },
  );

  it('HTTP/1.0 may do without, and gets the address that it reached', async () => {
    await muster.importRows([{ user_id: 'host-1' }, { user_id: 'host-2' }]);
    const bytes = `GET /v1/users?limit=1 HTTP/1.0\r\n${authorized()}\r\n\r\n`;
    const answer = await exchange(muster.url, bytes);
    expect(answer.status).toBe(200);
    expect(answer.headers.link).toContain(`<${muster.url}/v1/users?`);
  });
});

describe('the request id', () => {
  it.each(['a', 'A-Za-z0-9._-', 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6', 'x'.repeat(200)])(
    'of the client is taken over: %s',
    async (id) => {
      const refused = await muster.get('/v1/nothing').set('X-Request-Id', id).expect(404);
      expect(refused.headers['x-request-id']).toBe(id);
      expect(refused.body.request_id).toBe(id);
      const found = await muster.get('/v1/background_jobs').set('X-Request-Id', id).expect(200);
      expect(found.headers['x-request-id']).toBe(id);
    },
  );

  it.each(['', 'x'.repeat(201), 'a b', 'a/b', 'a%0d%0aX-Other: y', '<script>', 'é', '"'])(
    'is made when the client sent no plain token: %j',
    async (id) => {
      const header = `X-Request-Id: ${id}`;
      const bytes = `GET /v1/nothing HTTP/1.1\r\nHost: h\r\n${header}\r\nAuthorization: Token ${muster.key}\r\n\r\n`;
      const answer = await exchange(muster.url, Buffer.from(bytes, 'latin1'));
      expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
      expect(answer.body).toMatchObject({ request_id: answer.headers['x-request-id'] });
    },
  );

  it('is another one for every request', async () => {
    const ids = new Set<string | undefined>();
    for (let i = 0; i < 20; i++) ids.add((await muster.get('/healthz')).headers['x-request-id']);
    expect(ids.size).toBe(20);
  });

  it('of an import is kept with its job', async () => {
    const { body } = await muster
      .post()
      .set('X-Request-Id', 'import-7')
      .send([{ user_id: 'a' }])
      .expect(202);
    const { rows } = await muster.store.pool.query('SELECT request_id FROM jobs WHERE id = $1', [
      body.job_id,
    ]);
    expect(rows).toEqual([{ request_id: 'import-7' }]);
    await muster.finished(body.job_id);
  });
});

it('two imports sent at once over one connection get an answer each, and one at least is accepted', async () => {
  const before = await traces(muster);
  const connection = await openRaw(muster.url);
  const one = `${head(['Host: h', `Content-Length: ${BODY.length}`])}${BODY}`;
  await connection.write(one + one);
  const answers = [await connection.answer(), await connection.answer()];
  await connection.reset();
  // Which of the two is first at the slot is open.
  const accepted = answers.filter(({ status }) => status === 202);
  expect(accepted.length).toBeGreaterThan(0);
  for (const { status } of answers) expect([202, 409]).toContain(status);
  for (const { body } of accepted) await muster.finished((body as { job_id: string }).job_id);
  expect((await traces(muster)).jobs).toBe((before.jobs ?? 0) + accepted.length);
});

it('after all of this the next import is accepted', () => expectNextImportAccepted(muster));

it.each(['x', ''])(
  'an expectation that nobody knows is no reason to refuse: Expect: %j',
  async (expectation) => {
    const answer = await exchange(muster.url, requestHead('GET', '/healthz', { Expect: expectation }));
    expect(answer.status).toBe(200);
  },
);

it('bytes that are no request take nothing from the import before them: it is answered first, and then they are', async () => {
  const body = '[{"user_id":"before-garbage"}]';
  const connection = await openRaw(muster.url);
  const length = `Content-Length: ${Buffer.byteLength(body)}`;
  await connection.write(`${head(['Host: muster.test', length])}${body}no request\r\n\r\n`);
  const accepted = await connection.answer();
  expect(accepted.status).toBe(202);
  expect((await connection.answer()).status).toBe(400);
  const { job_id: jobId } = JSON.parse(accepted.text.slice(accepted.text.indexOf('{')));
  expect(await muster.finished(jobId)).toMatchObject({ status: 'completed' });
});
