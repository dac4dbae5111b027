/** A job in the dashboard while it runs: live progress, cancel, retry, and a second import that waits its turn. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { type Muster, startMuster } from '../support/muster';
import { waitFor } from '../support/wait';
import { AXE_SCRIPT, expectAccessible } from './support/axe';
import { drop, startBrowser, users, visit } from './support/browser';

let muster: Muster;
let browser: Browser;
beforeAll(async () => {
  [muster, browser] = await Promise.all([startMuster({ usersPerMinute: 1_800 }), startBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await muster?.close();
});

async function startJob(size: number, key = muster.key): Promise<string> {
  const { body } = await muster
    .post(undefined, key)
    .attach('file', Buffer.from(users(size)), 'nightly.ndjson')
    .expect(202);
  return body.job_id as string;
}

it('a running job is followed live, holds up another import that then waits its turn, and is canceled and retried', async () => {
  const jobId = await startJob(9_000);
  const { page, end } = await visit(browser, muster, `/jobs/${jobId}`, { script: AXE_SCRIPT });
  await page.locator('.job-tags').getByText('processing').waitFor();
  const bar = page.getByRole('progressbar');
  const done = async () => Number(await bar.getAttribute('aria-valuenow'));
  const first = await done();
  await waitFor('progress without loading', async () => (await done()) > first + 60);
  await page.getByText(/rows a minute now · limit 1,800/).waitFor();
  await page.locator('.plot canvas').waitFor();
  expect(await page.locator('.eta').textContent()).toMatch(/^about (\d+ (min|s) )+left$/);

  await expectAccessible(page);

  await drop(page, 'next.ndjson', users(3, 'next'));
  await page.getByRole('dialog').getByRole('button', { name: 'Import' }).click();
  await page.getByText('Another import of this environment is not finished.').waitFor();
  expect(await page.getByRole('link', { name: 'Go to the running job' }).getAttribute('href')).toBe(
    `/jobs/${jobId}`,
  );
  await page.getByRole('button', { name: 'Wait its turn' }).click();
  await page.getByRole('heading', { name: 'next.ndjson' }).waitFor();
  await page.getByText('place 1 in line').waitFor();
  const nextUrl = page.url();

  await page.goBack();
  await page.getByRole('button', { name: 'Cancel job' }).click();
  await page.getByRole('button', { name: 'Let it run' }).click();
  await page.getByRole('button', { name: 'Cancel job' }).click();
  await page.getByRole('button', { name: 'Cancel the job' }).click();
  await page.locator('.job-tags').getByText('canceled').waitFor();
  const { body } = await muster.get(`/v1/background_jobs/${jobId}`).expect(200);
  expect([body.status, body.error.code]).toEqual(['failed', 'canceled']);
  const left = body.total_rows - body.completed_rows;

  await muster.finished(nextUrl.split('/').at(-1) ?? '');
  await page.getByRole('button', { name: `Retry ${left.toLocaleString('en')} rows` }).click();
  await page.getByRole('button', { name: 'Retry', exact: true }).click();
  await page.getByText('A retry of').waitFor();
  await page.getByRole('button', { name: 'Cancel job' }).click();
  await page.getByRole('button', { name: 'Cancel the job' }).click();
  await page.locator('.job-tags').getByText('canceled').waitFor();
  await end();
});

it('the list shows a job go on, and filters', async () => {
  const { key } = await muster.addEnvironment('list');
  const jobId = await startJob(9_000, key);
  const { page, end } = await visit(browser, muster, '/', { key });
  const row = page.getByRole('row').filter({ hasText: jobId.slice(0, 8) });
  const done = async () => Number(await row.getByRole('progressbar').getAttribute('aria-valuenow'));
  await row.waitFor();
  const first = await done();
  await waitFor('progress in the list', async () => (await done()) > first);
  await page.getByLabel('Status').selectOption('completed');
  await row.waitFor({ state: 'detached' });
  await page.getByLabel('Status').selectOption('processing');
  await row.waitFor();
  await page.getByLabel('File or job id').fill('no such file');
  await page.getByText('No job is like that.').waitFor();
  await end();
});

it('the errors of a job are grouped by code', async () => {
  const bad = Array.from({ length: 400 }, (_, n) => (n % 4 === 0 ? 'no json' : '{"metadata":{}}'));
  const { key } = await muster.addEnvironment('errors');
  const job = await muster.importNdjson(`${bad.join('\n')}\n`, key);
  const { page, end } = await visit(browser, muster, `/jobs/${job.job_id}`, { key });
  await page.getByRole('button', { name: 'id_missing 300' }).waitFor();
  await page.getByRole('button', { name: 'invalid_json 100' }).click();
  const list = page.getByRole('region', { name: 'Errors by line' });
  await list.getByText('line 5', { exact: true }).waitFor();
  await list.evaluate((box) => box.scrollTo(0, box.scrollHeight));
  await list.getByText('line 397').waitFor();
  await end();
});

it('a service that went away is said, and the page goes on when it is back', async () => {
  const { page, complaints, end } = await visit(browser, muster);
  await page.getByRole('table').waitFor();
  await page.context().setOffline(true);
  await page.getByText('The service does not answer.').waitFor();
  expect(await page.getByRole('table').count()).toBe(1);
  await page.context().setOffline(false);
  await page.getByText('The service does not answer.').waitFor({ state: 'detached' });
  // The browser notes each request that found no network.
  const noted = complaints.splice(0).filter((text) => !text.includes('ERR_INTERNET_DISCONNECTED'));
  expect(noted).toEqual([]);
  await end();
});

it('a key that is no longer accepted leads back to signing in', async () => {
  const { page, end } = await visit(browser, muster, '/users', { key: 'x'.repeat(40) });
  await page.getByText('The service does not accept this key any more. Sign in again.').waitFor();
  await page.getByLabel('API key').waitFor();
  await end();
});
