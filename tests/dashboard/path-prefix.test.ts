/** Muster under a path of a host that serves other things too: the API, the dashboard, the reference, SDK and command line. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { type Listener, listen } from '#apps/api/listen';
import { freePort } from '#apps/standalone/free-port';
import { createClient } from '#client/index';
import { createLogger } from '#logger';
import { startCli } from '../cli/support/run-cli';
import { type Muster, startMuster } from '../support/muster';
import { PREFIX_PROXIES, type PrefixProxy, startPrefixProxy } from '../support/prefix-proxy';
import { drop, startBrowser, users, visit } from './support/browser';

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser?.close());

const CASES = PREFIX_PROXIES.flatMap((proxy) =>
  ['PUBLIC_URL', 'TRUST_PROXY', 'neither'].map((setting) => ({ proxy, setting })),
);

describe.each(CASES)('under a path of $proxy, with $setting', ({ proxy: name, setting }) => {
  let muster: Muster;
  let proxy: PrefixProxy;
  let listener: Listener;
  beforeAll(async () => {
    const port = await freePort();
    proxy = await startPrefixProxy(name, port);
    muster = await startMuster({
      ...(setting === 'PUBLIC_URL' && { publicUrl: proxy.url }),
      ...(setting === 'TRUST_PROXY' && { trustProxy: 1 }),
    });
    listener = await listen(muster.app, {
      host: '127.0.0.1',
      port,
      maxBytes: muster.settings.maxBytes,
      logger: createLogger('test', 'silent'),
    });
  });
  afterAll(async () => {
    await proxy?.close();
    await listener?.close();
    await muster?.close();
  });
  const at = (path: string) =>
    visit(browser, { ...muster, url: proxy.url }, `${proxy.url}${path}`, {
      script: `sessionStorage.setItem('muster:key/muster', ${JSON.stringify(muster.key)})`,
    });

  it('the dashboard loads, imports a file, moves between its pages and reloads each of them', async () => {
    const { page, end } = await at('/');
    await drop(page, 'users.ndjson', users(3));
    await page.getByRole('button', { name: 'Import', exact: true }).click();
    await page.waitForURL(/\/muster\/jobs\/[0-9a-f-]{36}$/);
    await page.getByRole('heading', { name: 'users.ndjson' }).waitFor();
    await muster.finished(page.url().split('/').at(-1) ?? '');
    await page.reload();
    await page.getByRole('heading', { name: 'users.ndjson' }).waitFor();
    await page.getByRole('link', { name: 'Users', exact: true }).first().click();
    await page.waitForURL(`${proxy.url}/users`);
    await page.getByText('user-1').waitFor();
    await page.reload();
    await page.getByText('user-1').waitFor();
    await page.goBack();
    await page.waitForURL(/\/muster\/jobs\//);
    await end();
  });

  it('the reference loads, and tries a call at the right address', async () => {
    const { page, end } = await at('/docs');
    await page.getByRole('heading', { name: /Muster/ }).waitFor();
    if (setting !== 'neither') {
      await page.locator('#operations-Service-read_health button').first().click();
      await page.getByRole('button', { name: 'Try it out' }).click();
      await page.getByRole('button', { name: 'Execute' }).click();
      await page.locator('.request-url', { hasText: `${proxy.url}/healthz` }).waitFor();
      await page.locator('.live-responses-table .response-col_status', { hasText: '200' }).first().waitFor();
    }
    await page.goto(`${proxy.url}/docs/errors`);
    await page.getByRole('link', { name: 'The API' }).click();
    await page.waitForURL(`${proxy.url}/docs`);
    await end();
  });

  it('the path without its slash leads to the dashboard', async () => {
    const answer = await fetch(proxy.url, { redirect: 'manual' });
    expect(answer.status).toBe(308);
    expect(new URL(answer.headers.get('location') ?? '', proxy.url).href).toBe(`${proxy.url}/`);
  });

  it('SDK and command line import there, page by page', async () => {
    const client = createClient({ url: `${proxy.url}/`, apiKey: muster.key });
    const { job_id: id } = await client.importUsers([{ user_id: 'sdk-1' }, { user_id: 'sdk-2' }]);
    await muster.finished(id);
    expect((await client.job(id)).status).toBe('completed');
    const seen: string[] = [];
    for await (const { user_id: userId } of client.users()) seen.push(userId);
    expect(seen).toEqual(expect.arrayContaining(['sdk-1', 'sdk-2']));
    const { code, stdout } = await startCli(['jobs'], { url: proxy.url, apiKey: muster.key }).ended;
    expect(code).toBe(0);
    expect(stdout).toContain(id);
  });

  if (setting !== 'neither') {
    it('links, Location, Link and the type of an error lead through the proxy', async () => {
      const headers = { Authorization: `Token ${muster.key}`, 'Content-Type': 'application/json' };
      const call = (url: string, init?: RequestInit) => fetch(url, { ...init, headers });
      const body = JSON.stringify({ users: [{ user_id: 'a' }, { user_id: 'b' }] });
      const accepted = await call(`${proxy.url}/v1/users/bulk_identify`, { method: 'POST', body });
      expect(accepted.status).toBe(202);
      const job = (await accepted.json()) as { links: string; job_id: string };
      await muster.finished(job.job_id);
      const path = `/v1/background_jobs/${job.job_id}`;
      expect(job.links).toBe(`${proxy.url}${path}`);
      expect(new URL(accepted.headers.get('location') ?? '', accepted.url).href).toBe(`${proxy.url}${path}`);
      const page = await call(`${proxy.url}/v1/users?limit=1`);
      const next = /<([^>]*)>/.exec(page.headers.get('link') ?? '')?.[1] ?? '';
      expect(next).toContain(`${proxy.url}/v1/users?`);
      expect((await call(next)).status).toBe(200);
      const missing = await call(`${proxy.url}/nowhere`);
      const { type } = (await missing.json()) as { type: string };
      const explanation = await fetch(new URL(type, missing.url));
      expect(explanation.url).toMatch(/\/muster\/docs\/errors/);
      expect(explanation.status).toBe(200);
      const document = (await (await fetch(`${proxy.url}/openapi.json`)).json()) as {
        servers: { url: string }[];
      };
      expect(new URL(document.servers[0]?.url ?? '', proxy.url).href).toBe(proxy.url);
    });
  }
});
