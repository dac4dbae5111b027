/** Health and readiness, and what the API does while the database or Redis is away. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request, { type Response } from 'supertest';
import { serveApi } from '#apps/api/serve';
import { createLogger } from '#logger';
import { openQueue } from '#queue/open-queue';
import { API_STATEMENT_TIMEOUT_MS, openStore } from '#store/client';
import { type Muster, startMuster } from '../support/muster';
import { startProxy } from './support/proxy';
import { expectErrorBody } from './support/refusal';

const SETTINGS = {
  identifyPerMinute: 0,
  track: 'reject' as const,
  usersPerMinute: 0,
  maxRows: 100,
  maxBytes: 1_000_000,
  maxStoredBytes: 0,
  trustProxy: 0,
  host: '127.0.0.1',
  port: 0,
};
/** Nothing listens on it: reserved, and below what a system gives away. */
const CLOSED_PORT = 1;

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

/** An API on a database and a Redis of these addresses. */
async function startApi(
  databaseUrl: string,
  redisUrl?: string,
): Promise<{ url: string; close(): Promise<void> }> {
  const logger = createLogger('test', 'silent');
  const store = openStore({
    databaseUrl,
    connections: 5,
    statementTimeoutMs: API_STATEMENT_TIMEOUT_MS,
    logger,
  });
  const queue = openQueue({ databaseUrl, redisUrl, installationId: randomUUID(), logger });
  const listener = await serveApi({ store, queue, logger, databaseUrl, settings: SETTINGS });
  return {
    url: listener.url,
    async close() {
      await listener.close();
      await queue.close();
      await store.close();
    },
  };
}

const post = (url: string) =>
  request(url)
    .post('/v1/users/bulk_identify')
    .set('Authorization', `Token ${muster.key}`)
    .send([{ user_id: 'outage' }]);

async function timed(send: () => PromiseLike<Response>): Promise<Response & { tookMs: number }> {
  const startedMs = Date.now();
  const answer = await send();
  return Object.assign(answer, { tookMs: Date.now() - startedMs });
}

/** The database's address with another port. */
function databaseAt(port: number): string {
  const url = new URL(muster.databaseUrl);
  url.port = String(port);
  return url.href;
}

describe('with everything up', () => {
  it.each(['/healthz', '/readyz'])('%s answers 200 without a key', async (path) => {
    const { status, body } = await request(muster.url).get(path);
    expect({ status, body }).toMatchObject({ status: 200, body: { status: expect.any(String) } });
  });

  it('/readyz names the database and the queue one by one', async () => {
    const { body } = await request(muster.url).get('/readyz').expect(200);
    expect(body).toMatchObject({ database: 'up', queue: 'up' });
  });

  it('/healthz and /readyz do not care for a key that is wrong', async () => {
    await request(muster.url).get('/healthz').set('Authorization', 'Token wrong').expect(200);
    await request(muster.url).get('/readyz').set('Authorization', 'Token wrong').expect(200);
  });
});

describe('every answer', () => {
  it.each([
    ['200', '/v1/background_jobs', true],
    ['200 without a key', '/healthz', false],
    ['400', '/v1/background_jobs?limit=0', true],
    ['401', '/v1/background_jobs', false],
    ['404', '/v1/nothing', true],
  ])('has security headers and does not say what made it: %s', async (_name, path, withKey) => {
    const { headers } = withKey ? await muster.get(path) : await request(muster.url).get(path);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      'referrer-policy': 'no-referrer',
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      'content-type': 'application/json; charset=utf-8',
    });
    for (const absent of ['x-powered-by', 'server', 'access-control-allow-origin', 'set-cookie']) {
      expect(headers).not.toHaveProperty(absent);
    }
  });

  it('allows no other origin, also when one asks', async () => {
    const { headers } = await muster.get('/v1/background_jobs').set('Origin', 'https://evil.test');
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
  });
});

describe('while the database is away', () => {
  let api: { url: string; close(): Promise<void> };
  beforeAll(async () => {
    api = await startApi(databaseAt(CLOSED_PORT));
  });
  afterAll(() => api.close());

  it('/healthz answers 200 at once', async () => {
    const answer = await timed(() => request(api.url).get('/healthz'));
    expect(answer.status).toBe(200);
    // It does not wait for the database, not even for the time-out of connecting to it.
    expect(answer.tookMs).toBeLessThan(2_500);
  });

  it('/readyz answers 503 and says that it is the database', async () => {
    const answer = await timed(() => request(api.url).get('/readyz'));
    expect(answer.status).toBe(503);
    expect(answer.body).toMatchObject({ database: 'down' });
    expect(answer.tookMs).toBeLessThan(5000);
  });

  it.each([
    ['POST an import', (url: string) => post(url)],
    ['GET the jobs', (url: string) => request(url).get('/v1/background_jobs').set('x-api-key', 'any')],
    ['GET a user', (url: string) => request(url).get('/v1/users/a').set('x-api-key', 'any')],
  ])('%s answers 503 unavailable with Retry-After within 5 s', async (_name, send) => {
    const answer = await timed(() => send(api.url));
    expectErrorBody(answer, 503, 'unavailable');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(answer.tookMs).toBeLessThan(5000);
    expect(answer.text).not.toMatch(/ECONNREFUSED|127\.0\.0\.1|postgres/i);
  });
});

describe('while the database does not answer', () => {
  it.each([
    ['from the first connection on', 0],
    ['on connections that were open before', 1],
  ])('a POST gets 503 with Retry-After within 5 s: %s', async (_name, requestsBefore) => {
    const proxy = await startProxy(Number(new URL(muster.databaseUrl).port));
    const api = await startApi(databaseAt(proxy.port));
    try {
      for (let i = 0; i < requestsBefore; i++) {
        await request(api.url)
          .get('/v1/background_jobs')
          .set('Authorization', `Token ${muster.key}`)
          .expect(200);
      }
      proxy.freeze();
      const answer = await timed(() => post(api.url).timeout(8_000));
      expectErrorBody(answer, 503, 'unavailable');
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(answer.tookMs).toBeLessThan(5000);
      const ready = await timed(() => request(api.url).get('/readyz').timeout(8_000));
      expect(ready).toMatchObject({ status: 503, body: { database: 'down' } });
      await request(api.url).get('/healthz').expect(200);
    } finally {
      await proxy.close();
      await api.close();
    }
  });
});

describe('while Redis is away', () => {
  let api: { url: string; close(): Promise<void> };
  beforeAll(async () => {
    api = await startApi(muster.databaseUrl, `redis://127.0.0.1:${CLOSED_PORT}`);
  });
  afterAll(() => api.close());

  it('/readyz answers 503 and says that it is the queue, not the database', async () => {
    const answer = await timed(() => request(api.url).get('/readyz'));
    expect(answer.status).toBe(503);
    expect(answer.body).toMatchObject({ database: 'up', queue: 'down', queue_backend: 'redis' });
    expect(answer.tookMs).toBeLessThan(5000);
    await request(api.url).get('/healthz').expect(200);
  });

  it('an import is accepted all the same, and waits in the database', async () => {
    const answer = await timed(() => post(api.url));
    expect({ status: answer.status, body: answer.body }).toMatchObject({
      status: 202,
      body: { status: 'queued' },
    });
    expect(answer.tookMs).toBeLessThan(5000);
    const { body } = await muster.get(`/v1/background_jobs/${answer.body.job_id}`).expect(200);
    expect(body.total_rows).toBe(1);
  });

  it('the queue lets go of its connections when the API closes', async () => {
    const logger = createLogger('test', 'silent');
    const warned: unknown[] = [];
    logger.warn = ((...args: unknown[]) => warned.push(args)) as never;
    const queue = openQueue({
      databaseUrl: muster.databaseUrl,
      redisUrl: `redis://127.0.0.1:${CLOSED_PORT}`,
      installationId: randomUUID(),
      logger,
    });
    await queue.ping().catch(() => undefined);
    await queue.close();
    const atClose = warned.length;
    expect(atClose).toBeGreaterThan(0);
    // Tries to connect come every few hundred milliseconds as long as there are any; one may have been on its way.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(warned.length).toBeLessThanOrEqual(atClose + 1);
  });
});
