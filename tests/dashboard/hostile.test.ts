/** Whatever a file holds is text in the dashboard, never markup. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { type Muster, startMuster, type WireJob } from '../support/muster';
import { drop, startBrowser, visit } from './support/browser';

const SCRIPT = '<script>noteBreach("ran")</script>';
const IMAGE = '<img src=x onerror=noteBreach("ran")>';

let muster: Muster;
let browser: Browser;
let job: WireJob;
beforeAll(async () => {
  [muster, browser] = await Promise.all([startMuster(), startBrowser()]);
  const rows = [
    { user_id: SCRIPT, company_id: IMAGE, metadata: { [IMAGE]: SCRIPT, 'javascript:alert(1)': '"\'><b>' } },
    { user_id: '../..%2f', metadata: {} },
    { user_id: IMAGE, metadata: { [SCRIPT]: {} } },
    { user_id: 'ok', [SCRIPT]: 1 },
  ];
  const ndjson = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  const { body } = await muster.post().attach('file', Buffer.from(ndjson), `${IMAGE}.ndjson`).expect(202);
  job = await muster.finished(body.job_id);
});
afterAll(async () => {
  await browser?.close();
  await muster?.close();
});

it('a job with such a file name, ids, paths and warnings', async () => {
  const { page, end } = await visit(browser, muster);
  await page.getByRole('link', { name: job.filename }).click();
  await page.getByRole('heading', { name: job.filename }).waitFor();
  await page.getByText(IMAGE, { exact: true }).waitFor();
  await page.getByText(`metadata.${SCRIPT}`).waitFor();
  expect(await page.locator('main img, main script').count()).toBe(0);
  await end();
});

it('users and companies with such ids and metadata, found by their ids', async () => {
  const { page, end } = await visit(browser, muster, '/users');
  await page.getByRole('link', { name: SCRIPT }).click();
  await page.getByRole('heading', { name: SCRIPT }).waitFor();
  await page.getByRole('cell', { name: SCRIPT }).waitFor();
  await page.getByRole('link', { name: IMAGE, exact: true }).waitFor();
  await page.getByRole('link', { name: job.filename }).waitFor();
  await page.getByRole('link', { name: job.job_id.slice(0, 8) }).waitFor();
  await page.getByPlaceholder('User ID or email').fill('../..%2f');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: '../..%2f' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: '../..%2f' }).waitFor();
  await page.getByPlaceholder('User ID or email').fill('...');
  await page.keyboard.press('Enter');
  await page.getByText('No users match this search.').waitFor();
  expect(await page.locator('main img, main script').count()).toBe(0);
  await end();
});

it('properties with such keys', async () => {
  const { page, end } = await visit(browser, muster, '/properties');
  await page.getByRole('rowheader', { name: IMAGE }).waitFor();
  expect(await page.locator('main img, main script').count()).toBe(0);
  await end();
});

it('a file before it is sent, with such columns, cells and name', async () => {
  const { page, end } = await visit(browser, muster);
  const cell = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const csv = `user_id,${cell(IMAGE)}\n${cell(SCRIPT)},${cell(IMAGE)}\n`;
  await drop(page, `${SCRIPT}.csv`, csv, 'text/csv');
  await page.getByText('1 row, all of them fine.').waitFor();
  expect(await page.locator('dialog img, dialog script').count()).toBe(0);
  await end();
});
