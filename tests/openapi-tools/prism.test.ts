/** A proxy that checks every request and answer against a document sees no violation, by ours and by Userpilot's own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '#apps/standalone/free-port';
import { INSTALL_TIMEOUT_MS } from '../support/install-folder';
import { type Muster, startMuster } from '../support/muster';
import { waitFor } from '../support/wait';
import { installTools, RUN_TIMEOUT_MS } from './tools';

const folder = mkdtempSync(path.join(tmpdir(), 'muster-prism-'));
const proxies: ChildProcess[] = [];
let muster: Muster;
beforeAll(async () => {
  await installTools();
  muster = await startMuster();
}, INSTALL_TIMEOUT_MS);
afterAll(async () => {
  for (const proxy of proxies) proxy.kill('SIGKILL');
  await muster?.close();
  rmSync(folder, { recursive: true });
});

/** Starts the proxy in front of the service. With --errors a violation is answered 500, and says what it is. */
async function startPrism(document: string): Promise<string> {
  const port = String(await freePort());
  const command = path.join(await installTools(), 'node_modules/.bin/prism');
  const args = ['proxy', document, muster.url, '--errors', '--port', port, '--host', '127.0.0.1'];
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

interface Call {
  method?: string;
  path: string;
  status: number;
  body?: string;
  headers?: Record<string, string>;
}

/** Makes a call through the proxy. @returns the answer, which is what it would be without the proxy */
async function call(
  url: string,
  { method = 'GET', path: address, status, body, headers }: Call,
): Promise<unknown> {
  const all = { Authorization: `Token ${muster.key}`, Accept: 'application/json', ...headers };
  const answer = await fetch(`${url}${address}`, {
    method,
    headers: all,
    ...(body !== undefined && { body }),
  });
  const text = await answer.text();
  expect({ address, status: answer.status, violations: answer.headers.get('sl-violations'), text }).toEqual({
    ...{ address, status, violations: null },
    text: expect.any(String),
  });
  return text === '' ? undefined : JSON.parse(text);
}

const json = { 'Content-Type': 'application/json' };
const rows = (id: string) =>
  JSON.stringify({ users: [{ user_id: id, company_id: 'c', metadata: { plan: 'pro', n: 1 } }] });

async function importThrough(url: string, id: string): Promise<string> {
  const request = { method: 'POST', path: '/v1/users/bulk_identify', status: 202, headers: json };
  const { job_id: jobId } = (await call(url, { ...request, body: rows(id) })) as { job_id: string };
  await muster.finished(jobId);
  return jobId;
}

describe('by our document', () => {
  it(
    'imports, jobs, stored users and companies, properties, erasure, webhooks and refusals are as it says',
    async () => {
      const file = path.join(folder, 'openapi.json');
      writeFileSync(file, await (await fetch(`${muster.url}/openapi.json`)).text());
      const url = await startPrism(file);
      const jobId = await importThrough(url, 'prism');
      const job = `/v1/background_jobs/${jobId}`;
      const calls: Call[] = [
        { path: job, status: 200 },
        { path: `${job}/warnings`, status: 200 },
        { path: '/v1/background_jobs?limit=5&status=completed', status: 200 },
        { path: '/v1/users?limit=10', status: 200 },
        { path: '/v1/users/prism', status: 200 },
        { path: '/v1/users/nobody', status: 404 },
        { path: '/v1/companies', status: 200 },
        { path: '/v1/properties?entity=user', status: 200 },
        { path: '/v1/environment', status: 200 },
        { path: '/v1/validate', status: 200 },
        { path: '/v1/webhooks', status: 200 },
        { path: '/healthz', status: 200 },
        { path: '/readyz', status: 200 },
        { method: 'POST', path: `${job}/cancel`, status: 409 },
        { method: 'POST', path: `${job}/retry`, status: 409 },
        { method: 'POST', path: '/v1/identify', status: 202, headers: json, body: '{"user_id":"prism-2"}' },
        {
          ...{ method: 'POST', path: '/v1/companies/identify', status: 202 },
          ...{ headers: json, body: '{"company_id":"c","metadata":{"name":"C"}}' },
        },
        { method: 'DELETE', path: '/v1/users', status: 202, headers: json, body: '{"users":["prism-2"]}' },
      ];
      for (const one of calls) await call(url, one);
    },
    RUN_TIMEOUT_MS,
  );
});

describe('by Userpilot’s document', () => {
  it(
    'bulk_identify takes and answers what it says',
    async () => {
      const url = await startPrism(path.join(__dirname, 'userpilot.yaml'));
      await importThrough(url, 'vendor');
    },
    RUN_TIMEOUT_MS,
  );
});
