/** Every page by the rules of WCAG 2.2 AA that a program can check, in light and dark and as narrow as a phone. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { type Muster, startMuster, type WireJob } from '../support/muster';
import { AXE_SCRIPT, expectAccessible } from './support/axe';
import { drop, startBrowser, users, visit } from './support/browser';

let muster: Muster;
let browser: Browser;
let job: WireJob;
let newcomer: { key: string };
beforeAll(async () => {
  [muster, browser] = await Promise.all([startMuster(), startBrowser()]);
  newcomer = await muster.addEnvironment('newcomer');
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
  /** As in VisitOptions. */
  key?(): string | null;
  /** What is there when the page is complete. */
  ready(page: Page): Promise<unknown>;
}

const PLACES: Place[] = [
  {
    name: 'signing in',
    path: () => '/',
    key: () => null,
    ready: (page) => page.getByLabel('API key').waitFor(),
  },
  { name: 'the jobs', path: () => '/', ready: (page) => page.getByRole('table').waitFor() },
  {
    name: 'no jobs yet',
    path: () => '/',
    key: () => newcomer.key,
    ready: (page) => page.getByText('Nothing was imported yet.').waitFor(),
  },
  {
    name: 'no such job',
    path: () => '/jobs/9536d797-7039-4d30-8c11-ac437367d732',
    ready: (page) => page.getByRole('link', { name: 'Go to the jobs' }).waitFor(),
  },
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
    name: 'the properties',
    path: () => '/properties',
    ready: (page) => page.getByRole('rowheader', { name: 'seats' }).waitFor(),
  },
  {
    name: 'no properties yet',
    path: () => '/properties?of=companies',
    key: () => newcomer.key,
    ready: (page) => page.getByText('No property was seen yet.').waitFor(),
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

describe('no page breaks a rule, in light, in dark and on a phone', () => {
  it.each(PLACES)('$name', async ({ path, key, ready }) => {
    const options = key === undefined ? {} : { key: key() };
    const { page, end } = await visit(browser, muster, path(), { script: AXE_SCRIPT, ...options });
    await ready(page);
    await expectAccessible(page);
    await end();
  });
});

it('the keyboard reaches a page, and the focus is at its heading then', async () => {
  const { page, end } = await visit(browser, muster);
  await page.getByRole('table').waitFor();
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.textContent)).toContain('Skip');
  await page.getByRole('link', { name: 'Users', exact: true }).press('Enter');
  await page.getByRole('heading', { name: 'Users' }).waitFor();
  await page.waitForFunction(() => document.activeElement?.tagName === 'H1');
  expect(await page.title()).toBe('Users · Muster');
  await end();
});

it('a dialog keeps the focus, and gives it back to what opened it', async () => {
  const { page, end } = await visit(browser, muster, `/jobs/${job.job_id}`);
  for (const leave of ['Escape', 'Enter']) {
    await page.getByRole('button', { name: /^Retry/ }).press('Enter');
    await page.waitForFunction(() => document.activeElement?.closest('dialog') !== null);
    if (leave === 'Enter') await page.getByRole('button', { name: 'Not now' }).focus();
    await page.keyboard.press(leave);
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await page.evaluate(() => document.activeElement?.textContent)).toMatch(/^Retry/);
  }
  await end();
});
