/** Users, companies and properties in the dashboard, and what a key may do there. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { ensureKey, generateKey } from '#store/api-keys';
import { putExamples, send } from '../api/jean/jean';
import { type Muster, startMuster, type WireJob } from '../support/muster';
import { drop, startBrowser, users, visit } from './support/browser';

const DIGITS = '1234567890123456789012345678901234567890';

let muster: Muster;
let browser: Browser;
const jobs: WireJob[] = [];
beforeAll(async () => {
  [muster, browser] = await Promise.all([startMuster(), startBrowser()]);
  for (const plan of ['"free"', '"pro"', '7']) {
    const row = `{"user_id":"ada","metadata":{"plan":${plan},"big":${DIGITS}}}`;
    jobs.push(await muster.importNdjson(`${row}\n${users(3)}`));
    await muster.importRows([{ user_id: 'other' }]);
  }
});
afterAll(async () => {
  await browser?.close();
  await muster?.close();
});

it('a user is found by id, with every digit, and with the imports that had it', async () => {
  const { page, end } = await visit(browser, muster, '/users');
  await page.getByPlaceholder('User ID or email').fill('ada');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByRole('cell', { name: DIGITS }).waitFor();
  await page.getByRole('region', { name: 'Imports that had it' }).getByRole('table').waitFor();
  const shown = await page
    .locator('.imports tbody a')
    .evaluateAll((links) => links.map((link) => link.getAttribute('href')));
  expect(shown).toEqual(jobs.map(({ job_id: jobId }) => `/jobs/${jobId}`).reverse());
  await end();
});

it('users are found by the beginning of an id and by their e-mail address', async () => {
  const { key } = await muster.addEnvironment('found');
  const rows = ['grace', 'grace-2', 'linus'].map((id) => ({
    user_id: id,
    metadata: { email: `${id}@example.com` },
  }));
  await muster.importRows(rows, key);
  const { page, end } = await visit(browser, muster, '/users', { key });
  const search = page.getByPlaceholder('User ID or email');
  await search.fill('grace');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByRole('link', { name: 'linus' }).waitFor({ state: 'detached' });
  await page.getByRole('link', { name: 'grace-2' }).waitFor();
  expect(await page.locator('.profiles tbody a').allTextContents()).toEqual(['grace', 'grace-2']);
  await search.fill('LINUS@example.com');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'linus' }).waitFor();
  await search.fill('nobody@example.com');
  await page.keyboard.press('Enter');
  await page.getByText('No users match this search.').waitFor();
  await page.getByRole('link', { name: 'Show all users' }).click();
  await page.getByRole('link', { name: 'linus' }).waitFor();
  await end();
});

it('a user shows the domains that they are in, fields with where they come from, and similar users', async () => {
  const { key } = await muster.addEnvironment('domains');
  await putExamples(muster, { key });
  const context = 'I am 32 years old and vegan. <b>Yoga</b>!';
  const dora = { user_id: 'dora', domain: 'dating', context, fields: { location: 'Rome' } };
  const nora = { user_id: 'nora', domain: 'dating', context: 'Vegan, yoga.' };
  for (const user of [dora, nora]) await send(muster, 'POST', '/v1/users', user, { key });
  const { page, end } = await visit(browser, muster, '/users?id=dora', { key });
  const panel = page.getByRole('region', { name: 'dating dating.v1' });
  const row = (name: string) =>
    panel.getByRole('row').filter({ has: page.getByRole('rowheader', { name, exact: true }) });
  await row('age').getByText('extracted “32 years old”').waitFor();
  await row('location').getByText('explicit').waitFor();
  await row('life_stage').getByText('derived').waitFor();
  await panel.getByRole('link', { name: 'nora' }).click();
  await page.getByRole('heading', { name: 'nora' }).waitFor();
  await end();
});

it('properties are listed with their types and how many have them, and lead to their first import', async () => {
  const { page, end } = await visit(browser, muster);
  await page.getByRole('link', { name: 'Properties' }).click();
  const plan = page
    .getByRole('row')
    .filter({ has: page.getByRole('rowheader', { name: 'plan', exact: true }) });
  await plan.getByText('Numeric').waitFor();
  await plan.getByText('String').waitFor();
  await plan.getByText('4 · 80%').waitFor();
  expect(await plan.getByRole('meter').getAttribute('value')).toBe('0.8');
  await page.getByRole('link', { name: 'Companies' }).last().click();
  await page.getByText('No property was seen yet.').waitFor();
  await page.goBack();
  await plan.getByRole('link').click();
  await page.getByText(jobs[0]?.job_id ?? '').waitFor();
  await end();
});

it('the name of the environment is shown, and a key that may only read is not offered more', async () => {
  const { environmentId } = await muster.addEnvironment('staging');
  const key = generateKey();
  await ensureKey(muster.store, environmentId, key, 'read');
  const { page, end } = await visit(browser, muster, '/', { key });
  await page.getByText('staging').waitFor();
  await drop(page, 'users.ndjson', users(2));
  await page.getByText('Your key may read only').waitFor();
  await page.getByText('2 rows, all of them fine.').waitFor();
  expect(await page.getByRole('button', { name: 'Import', exact: true }).isDisabled()).toBe(true);
  await end();
});
