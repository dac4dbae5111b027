/** Every page by the rules of WCAG 2.2 AA that a program can check, in light and dark and as narrow as a phone. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { type Muster, startMuster, type WireJob } from '../support/muster';
import { drop, startBrowser, users, visit } from './support/browser';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa', 'best-practice'];
const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 900 };

let muster: Muster;
let browser: Browser;
let job: WireJob;
beforeAll(async () => {
  [muster, browser] = await Promise.all([startMuster(), startBrowser()]);
  const company = { company_id: 'c-1', metadata: { name: 'Tech Startup' } };
  const { body } = await muster
    .post('/v1/companies/bulk_identify')
    .send({ companies: [company] })
    .expect(202);
  await muster.finished(body.job_id);
  const bad = '{"metadata":{}}\nno json\n{"user_id":"u-1","company_id":"c-1","surprise":1}\n';
  await muster.importNdjson(users(3, 'first'));
  job = await muster.importNdjson(`${users(30)}${bad}`);
});
afterAll(async () => {
  await browser?.close();
  await muster?.close();
});

interface Place {
  name: string;
  path(): string;
  signedOut?: boolean;
  /** What is there when the page is complete. */
  ready(page: Page): Promise<unknown>;
}

const PLACES: Place[] = [
  {
    name: 'signing in',
    path: () => '/',
    signedOut: true,
    ready: (page) => page.getByLabel('API key').waitFor(),
  },
  { name: 'the jobs', path: () => '/', ready: (page) => page.getByRole('table').waitFor() },
  {
    name: 'a job',
    path: () => `/jobs/${job.job_id}`,
    ready: (page) => page.getByText('The row has no id.').waitFor(),
  },
  { name: 'the users', path: () => '/users', ready: (page) => page.getByRole('table').waitFor() },
  {
    name: 'a user',
    path: () => '/users?id=user-1',
    ready: (page) => page.getByRole('heading', { name: 'user-1' }).waitFor(),
  },
  {
    name: 'no such user',
    path: () => '/users?id=nobody',
    ready: (page) => page.getByText('no such user').waitFor(),
  },
  {
    name: 'a company',
    path: () => '/companies?id=c-1',
    ready: (page) => page.getByRole('heading', { name: 'c-1' }).waitFor(),
  },
  {
    name: 'a file before it is sent',
    path: () => '/',
    async ready(page) {
      await page.getByRole('table').waitFor();
      await drop(page, 'a.csv', 'id,name,seats\n1,Ada,3\n,Bob,4\n', 'text/csv');
      await page.getByText('2 rows, 1 would fail.').waitFor();
    },
  },
  {
    name: 'the question before a retry',
    path: () => `/jobs/${job.job_id}`,
    async ready(page) {
      await page.getByRole('button', { name: /^Retry/ }).click();
      await page.getByRole('dialog').waitFor();
    },
  },
];

const LOOKS = [
  { name: 'light', colorScheme: 'light', viewport: DESKTOP },
  { name: 'dark', colorScheme: 'dark', viewport: DESKTOP },
  { name: 'dark on a phone', colorScheme: 'dark', viewport: PHONE },
] as const;

describe('no page breaks a rule, in light, in dark and on a phone', () => {
  it.each(PLACES)('$name', async ({ path, signedOut, ready }) => {
    const { page, end } = await visit(browser, muster, path(), {
      reducedMotion: 'reduce',
      script: axe.source,
      ...(signedOut ? { key: null } : {}),
    });
    await ready(page);
    for (const { name, colorScheme, viewport } of LOOKS) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(viewport);
      const { violations } = await page.evaluate<axe.AxeResults>(
        `axe.run(document, { runOnly: ${JSON.stringify(TAGS)}, resultTypes: ['violations'] })`,
      );
      const found = violations.map(({ id, nodes }) => [
        id,
        nodes.map(({ failureSummary }) => failureSummary),
      ]);
      expect([name, found]).toEqual([name, []]);
      const { scrollWidth, clientWidth } = await page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        return { scrollWidth, clientWidth };
      });
      expect(scrollWidth).toBeLessThanOrEqual(clientWidth);
    }
    await end();
  });
});

it('the keyboard reaches a page, and the focus is at its heading then', async () => {
  const { page, end } = await visit(browser, muster, '/');
  await page.getByRole('table').waitFor();
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.textContent)).toContain('Skip');
  await page.getByRole('link', { name: 'Users', exact: true }).press('Enter');
  await page.getByRole('heading', { name: 'Users' }).waitFor();
  await page.waitForFunction(() => document.activeElement?.tagName === 'H1');
  expect(await page.title()).toBe('Users · Muster');
  await end();
});
