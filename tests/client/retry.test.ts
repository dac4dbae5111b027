/** What the client sends again, after how long, and when it gives up. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { type ClientOptions, createClient, isMusterError, type MusterError } from '#client/index';
import { CLAIM_LEASE_MS, OUTLAST_CLAIM_MS } from '#job/claim-lease';
import {
  type Answer,
  fileOf,
  type HttpServer,
  json,
  makeJob,
  recordSleeps,
  refuse,
  serve,
} from './support/http-server';

let server: HttpServer;
afterEach(() => server.close());

async function start(answer: Answer, options: Partial<ClientOptions> = {}) {
  server = await serve(answer);
  const { slept, sleep } = recordSleeps();
  return { slept, client: createClient({ url: server.url, apiKey: 'k', sleep, ...options }) };
}

/** Refuses the first `times` requests so, and answers the next with a job. */
const refusing =
  (times: number, status: number, code: string, headers: object = {}): Answer =>
  (res, _request, n) =>
    n < times ? refuse(res, status, code, headers) : json(res, 200, makeJob());

async function faultOf(promise: Promise<unknown>): Promise<MusterError> {
  const thrown: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!isMusterError(thrown)) throw new Error('no MusterError was thrown', { cause: thrown });
  return thrown;
}

describe('a request that may succeed later', () => {
  it.each([429, 502, 503, 504])(
    'is sent again after %i, when the seconds of Retry-After are over',
    async (status) => {
      const { client, slept } = await start(refusing(2, status, 'unavailable', { 'Retry-After': '7' }));
      expect(await client.job('j1')).toMatchObject({ job_id: 'j1' });
      expect(slept).toEqual([7_000, 7_000]);
    },
  );

  it('waits for the date of Retry-After by the clock of the service', async () => {
    const headers = {
      Date: 'Wed, 21 Oct 2015 07:28:00 GMT',
      'Retry-After': 'Wed, 21 Oct 2015 07:28:20 GMT',
    };
    const { client, slept } = await start(refusing(1, 503, 'unavailable', headers));
    await client.job('j1');
    expect(slept).toEqual([20_000]);
  });

  it('is sent again after a date of Retry-After that has passed, without waiting', async () => {
    const headers = { 'Retry-After': 'Wed, 21 Oct 2015 07:28:20 GMT' };
    const { client, slept } = await start(refusing(1, 503, 'unavailable', headers));
    await client.job('j1');
    expect(slept).toEqual([0]);
  });

  it('waits longer each time when the service does not say how long, and gives up after five times', async () => {
    const { client, slept } = await start(refusing(99, 503, 'unavailable'));
    expect(await faultOf(client.job('j1'))).toMatchObject({ status: 503, code: 'unavailable' });
    expect(server.requests).toHaveLength(6);
    const longest = [250, 500, 1000, 2000, 4000];
    expect(slept).toHaveLength(longest.length);
    for (const [n, ms] of longest.entries()) {
      expect(slept[n]).toBeGreaterThanOrEqual(ms / 2);
      expect(slept[n]).toBeLessThanOrEqual(ms);
    }
  });

  it('is not sent again when the service asks for more than a minute of patience', async () => {
    const { client, slept } = await start(refusing(1, 429, 'rate_limited', { 'Retry-After': '61' }));
    expect(await faultOf(client.job('j1'))).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 61 });
    expect(slept).toEqual([]);
  });

  it('waits for longer when the client has the patience, and says for what', async () => {
    const told: [string, number][] = [];
    const onRetry = ({ code }: MusterError, waitMs: number) => void told.push([code, waitMs]);
    const answer = refusing(1, 429, 'rate_limited', { 'Retry-After': '600' });
    const { client, slept } = await start(answer, { patienceSeconds: 600, onRetry });
    await client.job('j1');
    expect(slept).toEqual([600_000]);
    expect(told).toEqual([['rate_limited', 600_000]]);
  });

  it('is sent as often as the client was told', async () => {
    const { client } = await start(refusing(99, 503, 'unavailable'), { retries: 0 });
    await faultOf(client.job('j1'));
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    ['before the answer', ''],
    ['within its head', 'HTTP/1.1 200 OK\r\nContent-'],
    ['within its body', 'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"job_id":'],
  ])('is sent again when the connection is cut %s', async (_where, start_) => {
    const { client, slept } = await start((res, _request, n) => {
      if (n > 0) return json(res, 200, makeJob());
      res.socket?.end(start_);
    });
    expect(await client.job('j1')).toMatchObject({ job_id: 'j1' });
    expect(slept).toHaveLength(1);
  });

  it('is sent again soon after the service is back, however long the pauses have become', async () => {
    const slept: number[] = [];
    // Back while the client waits for the better part of a minute.
    const isAway = () => slept.length < 60;
    const { client } = await start((res) => json(res, 200, makeJob()), {
      retries: 20,
      sleep: async (ms) => void slept.push(ms),
      fetch: async (url, init) => {
        if (isAway()) throw new TypeError('fetch failed');
        return globalThis.fetch(url, init);
      },
    });
    expect(await client.job('j1')).toMatchObject({ job_id: 'j1' });
    expect(slept).toHaveLength(60);
    expect(Math.max(...slept)).toBeLessThanOrEqual(4_000);
    expect(slept.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThan(60_000);
  });

  it('ends as unreachable when no connection comes to be', async () => {
    const { client, slept } = await start(() => {});
    await server.close();
    const error = await faultOf(client.job('j1'));
    expect(error).toMatchObject({ status: 0, code: 'unreachable' });
    expect(error.cause).toBeDefined();
    expect(slept).toHaveLength(5);
  });
});

describe('a request that will not succeed later', () => {
  it.each([
    [400, 'invalid_parameter'],
    [401, 'unauthorized'],
    [403, 'forbidden'],
    [404, 'job_not_found'],
    [409, 'job_in_progress'],
    [422, 'idempotency_key_reused'],
    [500, 'internal'],
  ])('is not sent again after %i %s', async (status, code) => {
    const { client } = await start(refusing(1, status, code, { 'Retry-After': '1' }));
    expect(await faultOf(client.importUsers([{ user_id: 'u1' }]))).toMatchObject({ status, code });
    expect(server.requests).toHaveLength(1);
  });
});

describe('an import', () => {
  it('is sent again with the same key and the same bytes, however it failed', async () => {
    const { client } = await start((res, _request, n) => {
      if (n === 0) return void res.socket?.destroy();
      if (n === 1) return refuse(res, 503, 'unavailable');
      if (n === 2) return refuse(res, 409, 'idempotency_key_in_flight', { 'Retry-After': '1' });
      json(res, 202, makeJob({ status: 'queued' }));
    });
    async function* rows() {
      yield { user_id: 'u1' };
      yield { user_id: 'u2', metadata: { plan: 'pro' } };
    }
    expect(await client.importUsers(rows())).toMatchObject({ status: 'queued' });
    const keys = new Set(server.requests.map(({ headers }) => headers['idempotency-key']));
    expect(server.requests).toHaveLength(4);
    expect([...keys]).toEqual([
      expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
    ]);
    for (const request of server.requests) {
      expect(await (await fileOf(request)).text()).toBe(
        '{"user_id":"u1"}\n{"user_id":"u2","metadata":{"plan":"pro"}}\n',
      );
    }
  });

  it('outlasts the claim of its key by a process that has died, and does not count that as retries', async () => {
    const { client, slept } = await start(
      refusing(4, 409, 'idempotency_key_in_flight', { 'Retry-After': '7' }),
      { retries: 1 },
    );
    await client.importUsers([{ user_id: 'u1' }]);
    expect(slept).toEqual([7_000, 7_000, 7_000, 7_000]);
  });

  it('gives up on a claim of its key that is renewed for longer than any lease', async () => {
    const { client, slept } = await start(
      refusing(99, 409, 'idempotency_key_in_flight', { 'Retry-After': '1' }),
      {
        retries: 2,
      },
    );
    expect(await faultOf(client.importUsers([{ user_id: 'u1' }]))).toMatchObject({
      code: 'idempotency_key_in_flight',
    });
    const waitedMs = slept.reduce((sum, ms) => sum + ms, 0);
    expect(waitedMs).toBe(OUTLAST_CLAIM_MS + 2_000);
    expect(waitedMs).toBeGreaterThan(CLAIM_LEASE_MS);
  });

  it('does not wait for a claim of its key when it is never to be sent again', async () => {
    const { client, slept } = await start(
      refusing(1, 409, 'idempotency_key_in_flight', { 'Retry-After': '1' }),
      {
        retries: 0,
      },
    );
    await faultOf(client.importUsers([{ user_id: 'u1' }]));
    expect(slept).toEqual([]);
  });

  it('has another key in each call, or the one that it was given', async () => {
    const { client } = await start((res) => json(res, 202, makeJob()));
    await client.importUsers([{ user_id: 'u1' }]);
    await client.importUsers([{ user_id: 'u1' }]);
    await client.importUsers([{ user_id: 'u1' }], { idempotencyKey: 'nightly-2026-01-01' });
    const keys = server.requests.map(({ headers }) => headers['idempotency-key']);
    expect(new Set(keys).size).toBe(3);
    expect(keys[2]).toBe('nightly-2026-01-01');
  });

  it('without a key is sent once only', async () => {
    const { client } = await start(refusing(1, 503, 'unavailable'));
    const error = await faultOf(client.importUsers([{ user_id: 'u1' }], { idempotencyKey: false }));
    expect(error.is('unavailable')).toBe(true);
    expect(server.requests.map(({ headers }) => headers['idempotency-key'])).toEqual([undefined]);
  });

  it('waits for the slot as long as it is told to, more often than retries would', async () => {
    const { client, slept } = await start(refusing(7, 409, 'job_in_progress', { 'Retry-After': '90' }));
    await client.importUsers([{ user_id: 'u1' }], { waitForSlot: true });
    expect(slept).toEqual(Array(7).fill(90_000));
    expect(new Set(server.requests.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
  });

  it('waits for the slot of a service that does not say for how long, longer each time up to a minute', async () => {
    const { client, slept } = await start((res, _request, n) =>
      n < 6 ? json(res, 409, { errors: [{ error_code: 'conflict' }] }) : json(res, 202, makeJob()),
    );
    await client.importUsers([{ user_id: 'u1' }], { waitForSlot: true });
    expect(slept).toHaveLength(6);
    for (const [n, ms] of [5_000, 10_000, 20_000, 40_000, 60_000, 60_000].entries()) {
      expect(slept[n]).toBeGreaterThanOrEqual(ms / 2);
      expect(slept[n]).toBeLessThanOrEqual(ms);
    }
  });
});

it('what a job is told to do is said once only', async () => {
  const { client } = await start(refusing(99, 503, 'unavailable'));
  await faultOf(client.cancel('j1'));
  await faultOf(client.retry('j1'));
  expect(server.requests.map(({ path }) => path)).toEqual([
    '/v1/background_jobs/j1/cancel',
    '/v1/background_jobs/j1/retry',
  ]);
});

describe('an aborted signal', () => {
  it.each(['of the call', 'of the client'])('%s ends the wait before the next try at once', async (whose) => {
    const controller = new AbortController();
    const { signal } = controller;
    server = await serve((res) => {
      refuse(res, 503, 'unavailable', { 'Retry-After': '50' });
      // The client is about to wait, or soon will.
      res.on('close', () => setImmediate(() => controller.abort(new Error('enough'))));
    });
    const ofClient = whose === 'of the client';
    const client = createClient({ url: server.url, apiKey: 'k', signal: ofClient ? signal : undefined });
    await expect(client.job('j1', ofClient ? {} : { signal })).rejects.toThrow('enough');
    expect(server.requests).toHaveLength(1);
  });

  it('ends a request that is not answered', async () => {
    const controller = new AbortController();
    const { client } = await start(() => controller.abort(new Error('enough')));
    await expect(client.job('j1', { signal: controller.signal })).rejects.toThrow('enough');
  });

  it('ends a call before its first request', async () => {
    const { client } = await start((res) => json(res, 200, makeJob()));
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(client.importUsers([{ user_id: 'u1' }], { signal })).rejects.toThrow('enough');
    await expect(client.job('j1', { signal })).rejects.toThrow('enough');
    expect(server.requests).toEqual([]);
  });
});
