/** A real browser on a real Muster. Whatever the browser complains about fails the test. */
import { existsSync } from 'node:fs';
import { expect } from '@jest/globals';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import type { Muster } from '../../support/muster';

export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** @throws Error that says how to get the browser, when there is none */
export async function startBrowser(): Promise<Browser> {
  if (!existsSync(CHROMIUM)) {
    throw new Error(
      `There is no Chromium at ${CHROMIUM}: ./scripts/ensure-chromium installs it, or CHROMIUM names another one.`,
    );
  }
  // As root the sandbox of Chromium refuses to start; the pages are our own. Containers have little shared memory.
  const args = ['--disable-dev-shm-usage', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])];
  return chromium.launch({ executablePath: CHROMIUM, args });
}

export interface Visit {
  page: Page;
  /** What the browser complained about: errors on the console or in scripts, breaches of the security policy. */
  complaints: string[];
  /** Ends the visit; fails when there was a complaint. */
  end(): Promise<void>;
}

export interface VisitOptions extends BrowserContextOptions {
  /** The key that is signed in with; null = nobody is signed in. Default: that of the environment `default`. */
  key?: string | null;
  /** Run in the page before anything else. */
  script?: string;
}

/** Opens a page of the dashboard. */
export async function visit(
  browser: Browser,
  muster: Muster,
  path = '/',
  options: VisitOptions = {},
): Promise<Visit> {
  const { key = muster.key, script, ...contextOptions } = options;
  const context = await browser.newContext({ baseURL: muster.url, acceptDownloads: true, ...contextOptions });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    // The browser notes every answer of 4xx; those are part of the tests.
    const isAnswer = /^Failed to load resource: the server responded with a status of 4/.test(message.text());
    if (message.type() === 'error' && !isAnswer) complaints.push(message.text());
  });
  await page.exposeFunction('noteBreach', (text: string) => complaints.push(text));
  await page.addInitScript(`
    document.addEventListener('securitypolicyviolation', (event) =>
      noteBreach(event.violatedDirective + ' ' + event.blockedURI + ' ' + event.sample));`);
  if (script !== undefined) await page.addInitScript(script);
  if (key !== null) await page.addInitScript(`sessionStorage.setItem('muster:key', ${JSON.stringify(key)})`);
  await page.goto(path);
  return {
    page,
    complaints,
    async end() {
      await context.close();
      expect(complaints).toEqual([]);
    },
  };
}

/** Drops a file onto the page, as from the desktop. */
export async function drop(page: Page, name: string, content: string | Buffer, type = ''): Promise<void> {
  const dataTransfer = await page.evaluateHandle(
    ([fileName, base64, mediaType]) => {
      const transfer = new DataTransfer();
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      transfer.items.add(new File([bytes], fileName, { type: mediaType }));
      return transfer;
    },
    [name, Buffer.from(content).toString('base64'), type] as const,
  );
  await page.dispatchEvent('body', 'dragover', { dataTransfer });
  await page.dispatchEvent('body', 'drop', { dataTransfer });
}

/** The text of what a click downloads, and the name of its file. */
export async function download(page: Page, button: string): Promise<{ name: string; text: string }> {
  const [started] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: button }).click(),
  ]);
  const chunks: Buffer[] = [];
  for await (const chunk of await started.createReadStream()) chunks.push(chunk as Buffer);
  return { name: started.suggestedFilename(), text: Buffer.concat(chunks).toString('utf8') };
}

/** `size` rows of users as NDJSON. */
export function users(size: number, prefix = 'user'): string {
  return Array.from(
    { length: size },
    (_, n) => `${JSON.stringify({ user_id: `${prefix}-${n}`, metadata: { plan: 'pro', seats: n } })}\n`,
  ).join('');
}
