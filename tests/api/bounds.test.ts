/** What one client may take of a service that others use too, and what of it nobody else may see. */
import { createServer } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import express from 'express';
import { MOST_AT_ONCE } from '#apps/api/limit-at-once';
import { writePart } from '#apps/api/write-part';
import { type Muster, startMuster } from '../support/muster';
import { waitFor } from '../support/wait';
import { openRaw, type RawConnection } from './support/raw-http';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

const get = (path: string, { key = muster.key, ...headers }: Record<string, string> = {}) =>
  fetch(`${muster.url}${path}`, { headers: { Authorization: `Token ${key}`, ...headers } });

/** Sends bytes as they are and gives all that comes back until the connection is closed. */
function exchange(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(new URL(muster.url).port), '127.0.0.1');
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk;
    });
    socket.on('error', reject).on('close', () => resolve(received));
    socket.write(text);
  });
}

async function revokeKeysOf(environmentId: number): Promise<void> {
  await muster.store.pool.query('UPDATE api_keys SET revoked_at = now() WHERE environment_id = $1', [
    environmentId,
  ]);
}

const SOON_MS = 2_000;

describe('a page of users', () => {
  it('ends at a budget of bytes, and the pages together have every user once', async () => {
    const { key } = await muster.addEnvironment('fat');
    const metadata = Object.fromEntries(Array.from({ length: 14 }, (_, n) => [`k${n}`, 'x'.repeat(65_000)]));
    const rows = Array.from({ length: 20 }, (_, n) => ({ user_id: `fat-${10 + n}`, metadata }));
    await muster.importRows(rows, key);
    const ids: string[] = [];
    let path: string | undefined = '/v1/users?limit=600';
    while (path !== undefined) {
      const answer: Response = await get(path, { key });
      const text = await answer.text();
      expect(text.length).toBeLessThan(8 * 1024 * 1024);
      ids.push(...(JSON.parse(text) as { user_id: string }[]).map(({ user_id }) => user_id));
      const next = /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1];
      path = next === undefined ? undefined : next.slice(muster.url.length);
    }
    expect(ids).toEqual(rows.map(({ user_id }) => user_id));
    const stream = await (await get('/v1/users', { key, Accept: 'application/x-ndjson' })).text();
    expect(stream.split('\n').filter(Boolean)).toHaveLength(20);
  });
});

describe('an answer that is streamed', () => {
  it('is cut off when its reader takes nothing', async () => {
    const app = express();
    let isOver: boolean | undefined;
    app.get('/', async (_req, res) => {
      isOver = !(await writePart(res, Buffer.alloc(64 * 1024 * 1024), 300));
    });
    const server = createServer(app).listen(0, '127.0.0.1');
    await waitFor('the server', () => server.listening);
    const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(await waitFor('the end of the answer', () => isOver)).toBe(true);
    socket.destroy();
    server.close();
  });
});

describe('a key that is revoked', () => {
  it('ends its open events and long polls within two seconds', async () => {
    const { key, environmentId } = await muster.addEnvironment('revoked-while-open');
    await muster.store.pool.query('UPDATE environments SET users_per_minute = 1 WHERE id = $1', [
      environmentId,
    ]);
    const { body: job } = await muster
      .post('/v1/users/bulk_identify', key)
      .send([{ user_id: 'a' }, { user_id: 'b' }]);
    const events = await get(`/v1/background_jobs/${job.job_id}/events`, { key });
    const poll = get(`/v1/background_jobs/${job.job_id}?wait=60`, { key, 'If-None-Match': 'x' }).then(
      async (answer) => (await answer.text()).length > 0,
      () => false,
    );
    const ended = events.text().then(
      () => true,
      () => true,
    );
    await revokeKeysOf(environmentId);
    const begunMs = performance.now();
    expect(await ended).toBe(true);
    await poll;
    expect(performance.now() - begunMs).toBeLessThan(SOON_MS);
  });
});

describe('what one client has open at the same time', () => {
  it('is bounded for a socket: those beyond are told to come again, each in its turn', async () => {
    const count = MOST_AT_ONCE.requests_per_socket * 3;
    const one = `GET /v1/environment HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token ${muster.key}\r\n`;
    const received = await exchange(
      [...Array(count - 1).fill(one), `${one}Connection: close\r\n`, ''].join('\r\n'),
    );
    const statuses = [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
    expect(statuses).toHaveLength(count);
    expect(new Set(statuses)).toEqual(new Set(['200', '429']));
    expect(statuses.slice(0, MOST_AT_ONCE.requests_per_socket)).not.toContain('429');
    expect(received).toMatch(/^Retry-After: [1-9]/m);
  });

  it('is bounded for the streams of a key, and another key is served', async () => {
    const { key } = await muster.addEnvironment('streaming');
    await muster.store.pool.query('UPDATE environments SET users_per_minute = 1 WHERE slug = $1', [
      'streaming',
    ]);
    const { body: job } = await muster
      .post('/v1/users/bulk_identify', key)
      .send([{ user_id: 'a' }, { user_id: 'b' }]);
    const head = `GET /v1/background_jobs/${job.job_id}/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token ${key}\r\n\r\n`;
    const opened: RawConnection[] = [];
    const open = async () => {
      const connection = await openRaw(muster.url);
      opened.push(connection);
      await connection.write(head);
      return waitFor('the head of the answer', () => /^HTTP\/1\.1 (\d+)/.exec(connection.received())?.[1]);
    };
    try {
      const statuses = [];
      for (let n = 0; n < MOST_AT_ONCE.events_per_key + 5; n++) statuses.push(await open());
      expect(statuses.filter((status) => status === '429')).toHaveLength(5);
      expect(opened.at(-1)?.received()).toMatch(/^Retry-After: [1-9]/m);
      expect((await get('/v1/environment')).status).toBe(200);
      await opened[0]?.reset();
      await waitFor('room for another one', async () => (await open()) === '200');
    } finally {
      await Promise.all(opened.map((connection) => connection.reset()));
    }
  });
});

describe('what is behind a key', () => {
  it.each([
    '/v1/environment',
    '/v1/users',
    '/v1/users/nobody',
    '/v1/background_jobs',
    '/v1/properties',
    '/nowhere',
  ])('is kept by no cache and loads nothing: %s', async (path) => {
    const { headers } = await get(path);
    expect(headers.get('cache-control')).toBe('private, no-store');
    expect(headers.get('content-security-policy')).toBe("default-src 'none';frame-ancestors 'none'");
  });

  it.each(['/V1/users', '/v1/Users', '/v1/background_Jobs', '/v1/ENVIRONMENT'])(
    'has one spelling: %s is not found',
    async (path) => {
      expect((await get(path)).status).toBe(404);
    },
  );

  it('is not answered to a request with two Host headers', async () => {
    const head = `GET /v1/environment HTTP/1.1\r\nHost: a\r\nHost: b\r\nAuthorization: Token ${muster.key}\r\nConnection: close\r\n\r\n`;
    expect(await exchange(head)).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('results as CSV', () => {
  it('have no cell that is a formula, also where a semicolon separates cells', async () => {
    const job = await muster.importRows([{ user_id: 'a;=1+1' }, { user_id: '=1+1' }, { user_id: '\t=1' }]);
    const csv = await (await get(`/v1/background_jobs/${job.job_id}/results`, { Accept: 'text/csv' })).text();
    expect(csv).toContain(`"a;'=1+1"`);
    expect(csv).toContain("'=1+1");
  });
});
