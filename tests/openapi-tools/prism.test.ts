/** A proxy that checks every request and answer against a document sees no violation, by ours and by Userpilot's own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '#apps/standalone/free-port';
import { operations } from '../api/openapi/document';
import type { Produce } from '../api/openapi/refusals';
import { SUCCESSES } from '../api/openapi/successes';
import { ask, createWorld, type World } from '../api/openapi/world';
import { INSTALL_TIMEOUT_MS } from '../support/install-folder';
import { type Muster, startMuster } from '../support/muster';
import { waitFor } from '../support/wait';
import { installTools } from './tools';

const folder = mkdtempSync(path.join(tmpdir(), 'muster-prism-'));
const proxies: ChildProcess[] = [];
afterAll(() => {
  for (const proxy of proxies) proxy.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** Starts the proxy in front of a service. With --errors it answers a violation itself and says what it is. */
async function startPrism(document: string, upstream: string): Promise<string> {
  const port = String(await freePort());
  const command = path.join(await installTools(), 'node_modules/.bin/prism');
  const args = ['proxy', document, upstream, '--errors', '--port', port, '--host', '127.0.0.1'];
  proxies.push(spawn(command, args, { stdio: 'ignore' }));
  const url = `http://127.0.0.1:${port}`;
  await waitFor('the proxy to listen', () =>
    fetch(url).then(
      () => true,
      () => false,
    ),
  );
  return url;
}

/** Fails with the proxy's own report when it objects. */
async function expectAgreed(answer: Response, status: number): Promise<void> {
  const violations = answer.headers.get('sl-violations');
  const text = await answer.text();
  // What it refused stands in its own body; of an answer that is as it should be nothing is shown.
  const body = answer.status === status ? '' : text;
  expect({ status: answer.status, violations, body }).toEqual({ status, violations: null, body: '' });
}

describe('by our document', () => {
  let world: World;
  /** The same services behind the proxy. */
  let proxied: World;
  beforeAll(async () => {
    await installTools();
    world = await createWorld();
    const file = path.join(folder, 'openapi.json');
    writeFileSync(file, await (await fetch(`${world.working.url}/openapi.json`)).text());
    // One after another: three at once starve the database on a small machine.
    const working = await startPrism(file, world.working.url);
    const idle = await startPrism(file, world.idle.url);
    const tracking = await startPrism(file, world.trackingUrl);
    proxied = {
      ...world,
      working: { ...world.working, url: working },
      idle: { ...world.idle, url: idle },
      trackingUrl: tracking,
    };
  }, INSTALL_TIMEOUT_MS);
  afterAll(() => world?.close());

  /** Each documented success with each of its content types; null = it has no body. */
  const answers = operations.flatMap(({ method, path: address, responses }) =>
    Object.entries(responses)
      .filter(([status]) => Number(status) < 400)
      .flatMap(([status, { content }]) => {
        const types: (string | null)[] = content === undefined ? [null] : Object.keys(content);
        return types.map((type) => [`${method} ${address} ${status}`, type] as const);
      }),
  );

  it.each(answers)('%s is answered as documented: %s', async (name, type) => {
    const produce = SUCCESSES[name] as Produce;
    await expectAgreed(await produce(proxied, type ?? '*/*'), Number(name.split(' ').at(-1)));
  });

  const NDJSON = '{"user_id":"a","metadata":{"plan":"pro"}}\n{"user_id":"b"}\n';
  const form = new FormData();
  form.set('file', new File([NDJSON], 'users.ndjson'));
  // No packed file: this proxy reads every body as text and passes on other bytes.
  const BODIES: [string, NonNullable<RequestInit['body']>, Record<string, string>][] = [
    ['an object', '{"users":[{"user_id":"a"}]}', { 'Content-Type': 'application/json' }],
    ['an array', '[{"user_id":"a"}]', { 'Content-Type': 'application/json' }],
    ['NDJSON', NDJSON, { 'Content-Type': 'application/x-ndjson' }],
    ['JSON Lines', NDJSON, { 'Content-Type': 'application/jsonl' }],
    ['CSV', 'user_id,plan\na,pro\n', { 'Content-Type': 'text/csv' }],
    ['a form with a file', form, {}],
  ];
  it.each(BODIES)('an import is taken as documented: %s', async (_, body, headers) => {
    const key = await world.freshKey();
    const answer = await fetch(`${proxied.idle.url}/v1/users/bulk_identify`, {
      method: 'POST',
      headers: { ...headers, Authorization: `Token ${key}` },
      body,
    });
    await expectAgreed(answer, 202);
  });

  it('refusals of what the service knows and the document does not are answered as documented', async () => {
    const { idle, working } = proxied;
    const job = `/v1/background_jobs/${world.cleanJobId}`;
    const calls: [number, Parameters<typeof ask>][] = [
      [404, [idle.url, { path: '/v1/users/nobody', key: idle.key }]],
      [404, [idle.url, { path: '/v1/companies/nobody', key: idle.key }]],
      [409, [working.url, { method: 'POST', path: `${job}/cancel`, key: working.key }]],
      [409, [working.url, { method: 'POST', path: `${job}/retry`, key: working.key }]],
      [401, [idle.url, { path: '/v1/users', key: 'wrong' }]],
      [403, [idle.url, { method: 'POST', path: '/v1/track', key: world.readKey }]],
    ];
    for (const [status, call] of calls) await expectAgreed(await ask(...call), status);
  });
});

describe('by Userpilot’s document', () => {
  let muster: Muster;
  beforeAll(async () => {
    await installTools();
    muster = await startMuster({ workers: 0 });
  }, INSTALL_TIMEOUT_MS);
  afterAll(() => muster?.close());

  it('bulk_identify takes and answers what it says', async () => {
    const url = await startPrism(path.join(__dirname, 'userpilot.yaml'), muster.url);
    const body = {
      users: [{ user_id: 'vendor', company_id: 'c', metadata: { plan: 'pro', tickets_pending: 3 } }],
    };
    await expectAgreed(
      await ask(url, { method: 'POST', path: '/v1/users/bulk_identify', key: muster.key, body }),
      202,
    );
  });
});
