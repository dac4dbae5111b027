/** Addresses, jobs and methods that do not exist, and that another environment's jobs look exactly like them. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { type Muster, startMuster, type WireJob } from '../support/muster';
import { exchange, requestHead } from './support/raw-http';
import { expectErrorBody, expectRefusal } from './support/refusal';

let muster: Muster;
let other: { key: string };
let job: WireJob;
let foreign: WireJob;
beforeAll(async () => {
  muster = await startMuster();
  other = await muster.addEnvironment('other');
  job = await muster.importRows([{ user_id: 'here' }]);
  foreign = await muster.importRows([{ user_id: 'there' }], other.key);
});
afterAll(() => muster.close());

const authorized = () => ({ Authorization: `Token ${muster.key}` });

describe('an address that does not exist is answered with 404 not_found', () => {
  it.each([
    '/index.html',
    '/jobs',
    '/jobs/a/b',
    '/assets/index.js',
    '/v1',
    '/v2/background_jobs',
    '/v1/background_job',
    '/v1/users/bulk_identify/more',
    '/v1/background_jobs/a/b/c',
    '/favicon.ico',
    '/.env',
  ])('GET %s', async (path) => {
    await expectRefusal(muster, () => muster.get(path), 404, 'not_found');
  });

  it.each(['PUT', 'PATCH', 'DELETE', 'POST', 'OPTIONS', 'TRACE'])('%s /v1/nothing', async (method) => {
    const send = () => exchange(muster.url, requestHead(method, '/v1/nothing', authorized()));
    await expectRefusal(muster, send, 404, 'not_found');
  });
});

describe('a path that cannot be read is a fault of the client', () => {
  it.each([
    '/%E0%A4%A',
    '/v1/background_jobs/%E0%A4%A',
    '/v1/users/%',
    '/v1/users/%FF',
    '//',
    '/v1//users',
    '/%00',
  ])('GET %s', async (path) => {
    const answer = await exchange(muster.url, requestHead('GET', path, authorized()));
    expect([400, 404]).toContain(answer.status);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.text).not.toMatch(/at .*\.[jt]s|Failed to decode|<html/i);
  });
});

describe('a job is found', () => {
  it.each([
    ['by its uuid', () => job.job_id],
    ['by bulk:jobs:{environment}:{uuid}', () => `bulk:jobs:default:${job.job_id}`],
    ['by {uuid}, in braces as the vendor writes it', () => `{${job.job_id}}`],
    ['by the same with percent signs', () => encodeURIComponent(`{${job.job_id}}`)],
    ['by bulk:jobs with the uuid in braces', () => `bulk:jobs:default:{${job.job_id}}`],
    ['by the same, percent-encoded', () => encodeURIComponent(`bulk:jobs:default:${job.job_id}`)],
    ['by the same, encoded in lower case', () => `bulk%3ajobs%3adefault%3a${job.job_id}`],
  ])('%s', async (_name, id) => {
    const { body } = await muster.get(`/v1/background_jobs/${id()}`).expect(200);
    expect(body.job_id).toBe(job.job_id);
  });
});

describe('a job that the environment does not have is answered with 404 job_not_found', () => {
  const ids: [string, () => string][] = [
    ['an unknown uuid', () => randomUUID()],
    ["another environment's job", () => foreign.job_id],
    ["another environment's job under its own slug", () => `bulk:jobs:other:${foreign.job_id}`],
    ["another environment's job under our slug", () => `bulk:jobs:default:${foreign.job_id}`],
    ["our job under another environment's slug", () => `bulk:jobs:other:${job.job_id}`],
    ['the same, percent-encoded', () => encodeURIComponent(`bulk:jobs:other:${job.job_id}`)],
    ['our job under an unknown slug', () => `bulk:jobs:nobody:${job.job_id}`],
    ['our slug in other case', () => `bulk:jobs:Default:${job.job_id}`],
    ['our job without a slug', () => `bulk:jobs::${job.job_id}`],
    ['our job with a part too many', () => `bulk:jobs:default:x:${job.job_id}`],
    ['our job under another prefix', () => `bulk:job:default:${job.job_id}`],
    ['our job without dashes', () => job.job_id.replaceAll('-', '')],
    ['our job and a line break', () => `${job.job_id}%0A`],
    [
      'our job encoded twice',
      () => encodeURIComponent(encodeURIComponent(`bulk:jobs:default:${job.job_id}`)),
    ],
    ['a number', () => '1'],
    ['a word', () => 'latest'],
    ['U+0000', () => '%00'],
    ['SQL', () => encodeURIComponent("' OR 1=1 --")],
    ['a path upwards', () => '..%2F..%2Fetc%2Fpasswd'],
    ['letters beyond ASCII', () => encodeURIComponent('ｊｏｂ-ü-😀')],
    ['8 kB', () => 'a'.repeat(8000)],
  ];

  it.each(ids)('%s', async (_name, id) => {
    const get = () => muster.get(`/v1/background_jobs/${id()}`);
    await expectRefusal(muster, get, 404, 'job_not_found');
  });

  it('with the same answer for all of them, but for the request id', async () => {
    const answers = new Set<string>();
    for (const [, id] of ids) {
      const { body, headers } = await muster.get(`/v1/background_jobs/${id()}`).set('X-Request-Id', 'same');
      expectErrorBody({ status: 404, body, headers }, 404, 'job_not_found');
      answers.add(JSON.stringify([body, { ...headers, date: '' }]));
    }
    expect([...answers]).toHaveLength(1);
  });

  it('while the environment that has it sees it', async () => {
    await muster.get(`/v1/background_jobs/${foreign.job_id}`, other.key).expect(200);
    await muster.get(`/v1/background_jobs/bulk:jobs:other:${foreign.job_id}`, other.key).expect(200);
  });
});

describe('a method that an address does not have is answered with 405 and the Allow header', () => {
  const addresses: [path: string, allow: string, refused: string[]][] = [
    ['/v1/users/bulk_identify', 'POST', ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']],
    ['/v1/companies/bulk_identify', 'POST', ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']],
    ['/v1/background_jobs', 'GET, HEAD', ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']],
    [`/v1/background_jobs/${randomUUID()}`, 'GET, HEAD', ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']],
    ['/healthz', 'GET, HEAD', ['POST', 'DELETE', 'OPTIONS']],
    ['/readyz', 'GET, HEAD', ['POST', 'DELETE', 'OPTIONS']],
  ];
  const cases = addresses.flatMap(([path, allow, refused]) =>
    refused.map((method) => [method, path, allow] as const),
  );

  it.each(cases)('%s %s (Allow: %s)', async (method, path, allow) => {
    const send = () =>
      exchange(muster.url, requestHead(method, path, { ...authorized(), Connection: 'close' }));
    if (method === 'HEAD') {
      const answer = await request(muster.url).head(path).set(authorized());
      expect(answer.status).toBe(405);
      expect(answer.headers.allow).toBe(allow);
      return;
    }
    const answer = await expectRefusal(muster, send, 405, 'method_not_allowed');
    expect(answer.headers.allow).toBe(allow);
  });

  it('HEAD is answered wherever GET is', async () => {
    for (const path of [
      '/v1/background_jobs',
      `/v1/background_jobs/${job.job_id}`,
      '/v1/users/here',
      '/healthz',
    ]) {
      await request(muster.url).head(path).set(authorized()).expect(200);
    }
  });
});
