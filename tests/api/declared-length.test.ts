/**
 * A client that asks before it sends its body (Expect: 100-continue) is refused without being told to send it, when its
 * headers are reason enough: their declared length first of all.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureKey, generateKey } from '#store/api-keys';
import { type Muster, startMuster } from '../support/muster';
import { waitFor } from '../support/wait';
import { occupySlot } from './support/busy-slot';
import { FORM_TYPE } from './support/form';
import { openRaw, requestHead } from './support/raw-http';
import { expectErrorBody, traces } from './support/refusal';

/** Of imports, and of single calls. */
const MAX_BYTES = 2_000_000;
const MAX_CALL_BYTES = 1_048_576;
/** What a form may have around its file. */
const WRAPPING = 65_536;

let muster: Muster;
let readKey: string;
beforeAll(async () => {
  muster = await startMuster({ maxBytes: MAX_BYTES });
  readKey = generateKey();
  await ensureKey(muster.store, muster.environmentId, readKey, 'read');
});
afterAll(() => muster.close());

interface Asked {
  method?: string;
  path?: string;
  key?: string;
  headers: Record<string, string | number>;
}

/** Sends the head alone. */
async function open({ method = 'POST', path = '/v1/users/bulk_identify', key = muster.key, headers }: Asked) {
  const connection = await openRaw(muster.url);
  const authorization = { Authorization: `Token ${key}` };
  await connection.write(requestHead(method, path, { ...authorization, Expect: '100-continue', ...headers }));
  return connection;
}

async function expectRefusedUnasked(asked: Asked, status: number, code: string): Promise<void> {
  const before = await traces(muster);
  const connection = await open(asked);
  const answer = await connection.answer();
  expectErrorBody(answer, status, code);
  expect(answer.informational).toEqual([]);
  expect(await traces(muster)).toEqual(before);
  await connection.reset();
}

async function expectAskedFor(asked: Asked): Promise<void> {
  const connection = await open(asked);
  await waitFor('100 Continue', () => connection.received() !== '');
  expect(connection.received()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
  await connection.reset();
}

const bulk = (entity: string, type: string, max: number): [string, Asked, number] => [
  `${entity} as ${type}`,
  { path: `/v1/${entity}/bulk_identify`, headers: { 'Content-Type': type } },
  max,
];
const call = (method: string, path: string): [string, Asked, number] => [
  `${method} ${path}`,
  { method, path, headers: { 'Content-Type': 'application/json' } },
  MAX_CALL_BYTES,
];
const gurubase = call('POST', '/api/v1/default/profiles/');

describe.each([
  bulk('users', 'application/json', MAX_BYTES),
  bulk('users', 'application/x-ndjson', MAX_BYTES),
  bulk('users', 'text/csv', MAX_BYTES),
  bulk('users', FORM_TYPE, MAX_BYTES + WRAPPING),
  bulk('companies', 'application/json', MAX_BYTES),
  call('POST', '/v1/identify'),
  call('POST', '/v1/companies/identify'),
  call('DELETE', '/v1/users'),
  call('DELETE', '/v1/companies'),
])('of %s', (_, asked, max) => {
  const declaring = (bytes: number): Asked => ({
    ...asked,
    headers: { ...asked.headers, 'Content-Length': bytes },
  });

  it('a length that is one byte over the limit is refused before the body is sent', () =>
    expectRefusedUnasked(declaring(max + 1), 413, 'payload_too_large'));

  it('a length at the limit is asked for', () => expectAskedFor(declaring(max)));

  it('a compressed body is asked for whatever its length: what it becomes counts', () =>
    asked.headers['Content-Type'] === FORM_TYPE
      ? expectRefusedUnasked(
          { ...asked, headers: { ...asked.headers, 'Content-Encoding': 'gzip', 'Content-Length': 5 } },
          415,
          'unsupported_media_type',
        )
      : expectAskedFor({
          ...asked,
          headers: { ...asked.headers, 'Content-Encoding': 'gzip', 'Content-Length': max + 1 },
        }));
});

it("of Gurubase's profiles a length over the limit is refused before the body is sent", async () => {
  const [, asked] = gurubase;
  const connection = await open({
    ...asked,
    headers: { ...asked.headers, 'Content-Length': MAX_BYTES + 1 },
  });
  expect(await connection.answer()).toMatchObject({ status: 413, informational: [] });
  await connection.reset();
  await expectAskedFor({ ...asked, headers: { ...asked.headers, 'Content-Length': MAX_BYTES } });
});

describe('no body is asked for of a request that is refused by its headers:', () => {
  const JSON_TYPE = { 'Content-Type': 'application/json', 'Content-Length': 100 };
  it.each<[string, number, string, () => Asked]>([
    ['a wrong key', 401, 'unauthorized', () => ({ key: 'wrong', headers: JSON_TYPE })],
    ['a key that may not', 403, 'forbidden', () => ({ key: readKey, headers: JSON_TYPE })],
    ['an unknown path', 404, 'not_found', () => ({ path: '/v1/nothing', headers: JSON_TYPE })],
    ['a wrong method', 405, 'method_not_allowed', () => ({ method: 'PUT', headers: JSON_TYPE })],
    [
      'an unknown parameter',
      400,
      'invalid_parameter',
      () => ({ path: '/v1/users/bulk_identify?x=1', headers: JSON_TYPE }),
    ],
    [
      'an unknown type',
      415,
      'unsupported_media_type',
      () => ({ headers: { ...JSON_TYPE, 'Content-Type': 'text/plain' } }),
    ],
    [
      'an unknown type of a single call',
      415,
      'unsupported_media_type',
      () => ({ path: '/v1/identify', headers: { ...JSON_TYPE, 'Content-Type': 'text/plain' } }),
    ],
    [
      'an unknown encoding of a single call',
      415,
      'unsupported_media_type',
      () => ({ path: '/v1/identify', headers: { ...JSON_TYPE, 'Content-Encoding': 'compress' } }),
    ],
  ])('%s', (_, status, code, asked) => expectRefusedUnasked(asked(), status, code));

  it('a job that is running', async () => {
    const slot = await occupySlot(muster);
    try {
      await expectRefusedUnasked({ headers: JSON_TYPE }, 409, 'job_in_progress');
    } finally {
      await slot.free();
    }
  });
});
