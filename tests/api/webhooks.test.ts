/** Webhooks: whoever wants to know is told how each job has ended, signed, at least once, and nowhere else. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { isPublicAddress } from '#webhook/check-target';
import { nextWaitMs } from '#webhook/retry-schedule';
import { type Muster, startMuster, unique } from '../support/muster';
import { waitFor } from '../support/wait';

interface Received {
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** A receiver that answers as it is told to. */
async function startReceiver() {
  const received: Received[] = [];
  let answer: (res: http.ServerResponse, count: number) => void = (res) => res.end('thanks');
  const server = http.createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    received.push({ headers: req.headers, body: Buffer.concat(chunks).toString() });
    answer(res, received.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    received,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    answerWith(how: typeof answer) {
      answer = how;
    },
    close: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  };
}

let muster: Muster;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
let key: string;
beforeAll(async () => {
  muster = await startMuster({ allowPrivateTargets: true });
});
beforeEach(async () => {
  key = (await muster.addEnvironment(`hooks-${unique()}`)).key;
  // Of its own for each test: what failed in one is tried again while others run.
  receiver = await startReceiver();
});
afterEach(() => receiver.close());
afterAll(() => muster.close());

async function call(method: string, path: string, body?: unknown, as = key) {
  const answer = await fetch(`${muster.url}${path}`, {
    method,
    headers: {
      Authorization: `Token ${as}`,
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text === '' ? null : JSON.parse(text) };
}

async function addWebhook(fields: object = {}) {
  const { status, body } = await call('POST', '/v1/webhooks', {
    url: receiver.url,
    events: ['job.completed', 'job.failed', 'job.canceled'],
    ...fields,
  });
  expect(status).toBe(201);
  return body;
}

const deliveriesOf = async (id: string) => (await call('GET', `/v1/webhooks/${id}/deliveries`)).body;
const told = (count: number) => waitFor(`${count} messages`, () => receiver.received.length >= count);
/** Instead of waiting for the time of the next attempt. */
const hurry = () =>
  muster.store.pool.query(
    'UPDATE webhook_deliveries SET next_attempt_at = clock_timestamp() WHERE next_attempt_at IS NOT NULL',
  );

describe('a webhook', () => {
  it('is told how a job has ended, with the job as the API shows it, signed as Standard Webhooks has it', async () => {
    const webhook = await addWebhook();
    const job = await muster.importRows([{ user_id: 'w1' }, { user_id: 2 }], key);
    await told(1);
    const [{ headers, body }] = receiver.received as [Received];
    const verified = new Webhook(webhook.secret).verify(body, headers as Record<string, string>);
    expect(verified).toMatchObject({
      type: 'job.completed',
      timestamp: job.end_time,
      data: { job_id: job.job_id, status: 'completed', created_rows: 1, failed_rows: 1 },
    });
    expect(body).not.toContain('w1');
    await waitFor('the log', async () => (await deliveriesOf(webhook.id))[0]?.status === 'delivered');
    expect(await deliveriesOf(webhook.id)).toMatchObject([
      {
        id: headers['webhook-id'],
        event: 'job.completed',
        attempts: 1,
        response_status: 200,
        response_body: 'thanks',
      },
    ]);
  });

  it('is told of failed and of canceled jobs as such, and only of what it has asked for', async () => {
    await addWebhook({ events: ['job.failed'] });
    await muster.importRows([{ user_id: 'w2' }], key);
    await muster.importRows([{ user_id: 3 }], key);
    await told(1);
    expect(JSON.parse(receiver.received[0]?.body ?? '')).toMatchObject({
      type: 'job.failed',
      data: { status: 'failed' },
    });
    expect(receiver.received).toHaveLength(1);
  });

  it('of the format slack gets one sentence with the counts and a link', async () => {
    await addWebhook({ format: 'slack' });
    const { job_id } = await muster.importRows([{ user_id: 'w4' }], key);
    await told(1);
    const { text } = JSON.parse(receiver.received[0]?.body ?? '');
    expect(text).toMatch(
      /^The import of 1 users is completed: 1 created, 0 updated, 0 unchanged, 0 failed\. http/,
    );
    expect(text).toContain(job_id);
  });

  it('is told again after a failure, with the same id, until it has taken the message', async () => {
    const webhook = await addWebhook();
    receiver.answerWith((res, count) => res.writeHead(count < 3 ? 500 : 200).end('x'.repeat(5_000)));
    await muster.importRows([{ user_id: 'w5' }], key);
    for (let attempt = 1; attempt < 3; attempt++) {
      await waitFor(
        'a failed attempt',
        async () =>
          (await deliveriesOf(webhook.id))[0]?.attempts === attempt &&
          (await deliveriesOf(webhook.id))[0]?.response_status === 500,
      );
      await hurry();
    }
    await waitFor('the log', async () => (await deliveriesOf(webhook.id))[0]?.status === 'delivered');
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    const [delivery] = await deliveriesOf(webhook.id);
    expect(delivery).toMatchObject({ attempts: 3, next_attempt_at: null });
    expect(delivery.response_body).toHaveLength(1_000);
  });

  it('waits as long as the receiver asks for', async () => {
    const webhook = await addWebhook();
    receiver.answerWith((res) => res.writeHead(503, { 'Retry-After': '3600' }).end());
    await muster.importRows([{ user_id: 'w6' }], key);
    await waitFor('the failure', async () => (await deliveriesOf(webhook.id))[0]?.response_status === 503);
    const [{ next_attempt_at }] = await deliveriesOf(webhook.id);
    expect(Date.parse(next_attempt_at) - Date.now()).toBeGreaterThan(3_500_000);
  });

  it('does not follow redirects', async () => {
    const webhook = await addWebhook();
    receiver.answerWith((res) => res.writeHead(302, { Location: `${receiver.url}/elsewhere` }).end());
    await muster.importRows([{ user_id: 'w7' }], key);
    await waitFor('the failure', async () => (await deliveriesOf(webhook.id))[0]?.response_status === 302);
    expect(receiver.received).toHaveLength(1);
  });

  it('is disabled by 410, and after a day of failures', async () => {
    const gone = await addWebhook();
    receiver.answerWith((res) => res.writeHead(410).end());
    await muster.importRows([{ user_id: 'w8' }], key);
    await waitFor('the end', async () => !(await call('GET', `/v1/webhooks/${gone.id}`)).body.enabled);
    expect((await deliveriesOf(gone.id))[0]).toMatchObject({ status: 'failed', response_status: 410 });
    await call('DELETE', `/v1/webhooks/${gone.id}`);

    const failing = await addWebhook();
    await muster.store.pool.query(
      "UPDATE webhooks SET failing_since = now() - interval '25 hours' WHERE id = $1",
      [failing.id],
    );
    receiver.answerWith((res) => res.writeHead(500).end());
    await muster.importRows([{ user_id: 'w9' }], key);
    await waitFor('the end', async () => !(await call('GET', `/v1/webhooks/${failing.id}`)).body.enabled);
    const { body } = await call('PATCH', `/v1/webhooks/${failing.id}`, { enabled: true });
    expect(body).toMatchObject({ enabled: true, disabled_reason: null });
  });

  it('signs with both secrets for a day after a rotation', async () => {
    const { id, secret } = await addWebhook();
    const rotated = await call('POST', `/v1/webhooks/${id}/rotate`);
    expect(rotated.body.secret).not.toBe(secret);
    await call('POST', `/v1/webhooks/${id}/test`);
    await told(1);
    const [{ headers, body }] = receiver.received as [Received];
    for (const one of [secret, rotated.body.secret]) {
      expect(new Webhook(one).verify(body, headers as Record<string, string>)).toMatchObject({
        type: 'webhook.test',
      });
    }
  });

  it('shows its secret when it is made and nowhere else', async () => {
    const { id, secret } = await addWebhook();
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    for (const path of ['/v1/webhooks', `/v1/webhooks/${id}`]) {
      expect(JSON.stringify((await call('GET', path)).body)).not.toContain('whsec_');
    }
  });

  it('is told again when somebody asks for it', async () => {
    const webhook = await addWebhook();
    await muster.importRows([{ user_id: 'w10' }], key);
    await told(1);
    const [{ id }] = await deliveriesOf(webhook.id);
    const replayed = await call('POST', `/v1/webhooks/${webhook.id}/deliveries/${id}/replay`);
    expect(replayed.status).toBe(202);
    await told(2);
    expect(receiver.received[1]?.body).toBe(receiver.received[0]?.body);
  });

  it('belongs to its environment, and takes a key of scope admin', async () => {
    const { id } = await addWebhook();
    const other = (await muster.addEnvironment(`hooks-${unique()}`)).key;
    for (const [method, path] of [
      ['GET', ''],
      ['PATCH', ''],
      ['DELETE', ''],
      ['POST', '/rotate'],
      ['POST', '/test'],
      ['GET', '/deliveries'],
    ] as const) {
      const answer = await call(
        method,
        `/v1/webhooks/${id}${path}`,
        method === 'PATCH' ? {} : undefined,
        other,
      );
      expect([method, path, answer.status]).toEqual([method, path, 404]);
    }
    await muster.store.pool.query(
      "UPDATE api_keys SET scope = 'import' WHERE environment_id = (SELECT environment_id FROM webhooks WHERE id = $1)",
      [id],
    );
    expect((await call('GET', '/v1/webhooks')).status).toBe(403);
  });

  it.each([
    ['no address', { events: ['job.completed'] }],
    ['no events', { url: 'https://example.com' }],
    ['an unknown event', { url: 'https://example.com', events: ['job.started'] }],
    ['an unknown field', { url: 'https://example.com', events: ['job.failed'], secret: 'mine' }],
  ])('with %s is refused', async (_, fields) => {
    const { status, body } = await call('POST', '/v1/webhooks', fields);
    expect([status, body.errors[0].error_code]).toEqual([400, 'invalid_webhook']);
  });
});

describe('addresses that are not public', () => {
  let guarded: Muster;
  let inside: typeof receiver;
  beforeAll(async () => {
    guarded = await startMuster();
    inside = await startReceiver();
  });
  afterAll(async () => {
    await guarded.close();
    await inside.close();
  });

  it.each([
    'http://127.0.0.1/x',
    'http://localhost/x',
    'http://10.1.2.3/',
    'http://169.254.169.254/latest/meta-data',
    'http://100.64.0.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[fd00::1]/',
    'http://0/',
    'http://2130706433/',
    'http://224.0.0.1/',
    'ftp://example.com/',
    'http://user:password@example.com/',
    'no address',
  ])('%s is refused when it is saved', async (url) => {
    const answer = await fetch(`${guarded.url}/v1/webhooks`, {
      method: 'POST',
      headers: { Authorization: `Token ${guarded.key}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ url, events: ['job.completed'] }),
    });
    const { errors } = (await answer.json()) as { errors: { error_code: string }[] };
    expect([answer.status, errors[0]?.error_code]).toEqual([400, 'target_not_allowed']);
  });

  it.each(['http://127.0.0.1', 'http://localhost'])(
    '%s is not sent to, even if it was saved',
    async (host) => {
      const port = new URL(inside.url).port;
      const { rows } = await guarded.store.pool.query<{ id: string }>(
        `INSERT INTO webhooks (id, environment_id, url, events, format, secret)
       VALUES (gen_random_uuid(), $1, $2, '{job.completed}', 'standard', $3) RETURNING id`,
        [guarded.environmentId, `${host}:${port}/`, Buffer.alloc(32)],
      );
      await guarded.importRows([{ user_id: unique() }]);
      const error = async () => {
        const found = await guarded.store.pool.query<{ error: string }>(
          'SELECT error FROM webhook_deliveries WHERE webhook_id = $1 AND error IS NOT NULL',
          [rows[0]?.id],
        );
        return found.rows[0]?.error;
      };
      await waitFor('the refusal', async () => (await error()) !== undefined);
      expect(await error()).toBe('the address leads to a network that is not public');
      expect(inside.received).toHaveLength(0);
    },
  );

  it('are told from public ones', () => {
    expect(['1.1.1.1', '2606:4700::1111'].map(isPublicAddress)).toEqual([true, true]);
    expect(['192.168.0.1', '::', '2002:7f00:1::'].map(isPublicAddress)).toEqual([false, false, false]);
  });
});

it('attempts go on for a day, each later than the one before', () => {
  const waits = Array.from({ length: 20 }, (_, n) => nextWaitMs(n + 1, 0, 0.5)).filter(
    (wait) => wait !== undefined,
  );
  expect(waits).toEqual([...waits].sort((a, b) => a - b));
  const hours = waits.reduce((sum, wait) => sum + wait, 0) / 3_600_000;
  expect(hours).toBeGreaterThan(23);
  expect(hours).toBeLessThan(25);
});
