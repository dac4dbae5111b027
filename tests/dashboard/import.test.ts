/** A file in the dashboard: dropped, checked by the service's own rules, mapped, sent and watched to its end. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { type Muster, startMuster } from '../support/muster';
import { download, drop, startBrowser, users, visit } from './support/browser';

let muster: Muster;
let browser: Browser;
beforeAll(async () => {
  [muster, browser] = await Promise.all([startMuster(), startBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await muster?.close();
});

it('someone signs in, drops a file, sees what would fail, imports it, and downloads the failed rows as sent', async () => {
  const { page, end } = await visit(browser, muster, '/', { key: null });
  await page.getByLabel('API key').fill('not-a-key');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('The service does not know this key.').waitFor();
  await page.getByLabel('API key').fill(muster.key);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('Nothing was imported yet.').waitFor();
  expect(await page.evaluate(() => [document.cookie, localStorage.length])).toEqual(['', 0]);

  const bad = ['{"metadata":{}}', '{"user_id":"u","metadata":{"a":{}}}', 'no json'];
  await drop(page, 'team.ndjson', `${users(40)}${bad.join('\n')}\n`);
  const dialog = page.getByRole('dialog', { name: 'team.ndjson' });
  await dialog.getByText('43 rows, 3 would fail.').waitFor();
  await dialog.getByText('line 41').waitFor();
  await dialog.getByText('The row has no id.').waitFor();
  await dialog.getByRole('button', { name: 'First rows' }).click();
  await dialog.getByText('user-3', { exact: true }).waitFor();
  await dialog.getByRole('button', { name: 'Import' }).click();

  await page.getByRole('heading', { name: 'team.ndjson' }).waitFor();
  await page.locator('.job-tags').getByText('completed').waitFor();
  expect(await page.locator('[aria-current="step"]').textContent()).toContain('completed');
  await page.getByRole('heading', { name: '3 rows failed' }).waitFor();
  await page.getByText('A metadata value must be a string').waitFor();
  const { name, text } = await download(page, 'Failed rows, as sent');
  expect([name, text]).toEqual(['team-failed.ndjson', `${bad.join('\n')}\n`]);
  const csv = await download(page, 'Results as CSV');
  expect(csv.text.trimEnd().split('\n')).toHaveLength(44);

  await page.getByRole('link', { name: 'Jobs' }).first().click();
  await page
    .getByRole('row', { name: /team\.ndjson/ })
    .getByText('43 of 43')
    .waitFor();
  await end();
});

it('the check treats nested values as the import will, whatever is chosen for them', async () => {
  const { page, end } = await visit(browser, muster);
  const rows = [
    { user_id: 'n-1', metadata: { plan: 'pro', address: { city: 'Bern', zip: '3000' } } },
    { user_id: 'n-2', metadata: { plan: 'free', address: ['Basel'] } },
    { user_id: 'n-3', metadata: { plan: 'free' } },
  ];
  await drop(page, 'nested.ndjson', rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const dialog = page.getByRole('dialog', { name: 'nested.ndjson' });
  await dialog.getByText('3 rows, 2 would fail.').waitFor();
  await dialog.getByText('Options').click();
  const choice = dialog.getByLabel('Objects and arrays as values');
  await choice.selectOption('leave the key out');
  await dialog.getByText('3 rows, all of them fine.').waitFor();
  await dialog.getByText('address: left out of 2 rows, because its value is an object or array.').waitFor();
  await dialog.getByText('{"plan":"pro"}', { exact: true }).waitFor();
  await choice.selectOption('flatten into keys');
  await dialog
    .getByText('{"plan":"pro","address.city":"Bern","address.zip":"3000"}', { exact: true })
    .waitFor();
  expect(await dialog.getByText('left out of').count()).toBe(0);
  await dialog.getByRole('button', { name: 'Import' }).click();
  await page.locator('.job-tags').getByText('completed').waitFor();
  const { body } = await muster.get('/v1/users/n-1').expect(200);
  expect(body.metadata).toEqual({ plan: 'pro', 'address.city': 'Bern', 'address.zip': '3000' });
  await end();
});

it('the columns of a CSV are mapped, typed and left out before it is sent', async () => {
  const { page, end } = await visit(browser, muster);
  const csv =
    'uuid,Full Name,seats,vip,zip,salary\r\nc-1,"Ada, L.",3,true,00123,9\r\nc-2,Bob,4,false,00456,8\r\n';
  await drop(page, 'export.csv', csv, 'text/csv');
  const dialog = page.getByRole('dialog', { name: 'export.csv' });
  await dialog.getByText('2 rows, all of them fine.').waitFor();
  expect(await dialog.getByLabel('User id is in').inputValue()).toBe('uuid');
  expect(await dialog.getByLabel('Type of seats').inputValue()).toBe('number');
  expect(await dialog.getByLabel('Type of zip').inputValue()).toBe('string');
  await dialog.getByLabel('Property of Full Name').fill('seats');
  await dialog.getByText('Two columns would become "seats".').waitFor();
  await dialog.getByLabel('Property of Full Name').fill('name');
  await dialog.getByLabel('Type of salary').selectOption('left out');
  expect(await dialog.getByLabel('Property of salary').isDisabled()).toBe(true);
  await dialog.getByText('2 rows, all of them fine.').waitFor();
  await dialog.getByRole('button', { name: 'Import' }).click();
  await page.locator('.job-tags').getByText('completed').waitFor();
  const { body } = await muster.get('/v1/users/c-1').expect(200);
  expect(body.metadata).toEqual({ name: 'Ada, L.', seats: 3, vip: true, zip: '00123' });
  await end();
});

const NDJSON = Buffer.concat([
  Buffer.from('\ufeff{"user_id":"ok","metadata":{"n":9007199254740993}}\r\n\n'),
  Buffer.from(
    '{"user_id":7}\n{"user_id":"  "}\n{"user_id":"c","company_id":5,"metadata":[]}\n[1]\n{"user_id":"x"\n',
  ),
  Buffer.from(
    '{"user_id":"d","metadata":{"":1,"a":{},"b":1e999}}\n{"user_id":"e\\u0000"}\n{"user_id":"\\ud800"}\n',
  ),
  Buffer.from('{"user_id":"f","metadata":{"big":1e400}}\n'),
  Buffer.from([0x22, 0xff, 0x22, 0x0a]),
  Buffer.from('{"user_id":"last"}'),
]);
const CSV = Buffer.from(
  'user_id,company_id,note\na,,"two\nlines"\n,c,x\nb,c\nc,"d""e",\n"q"x,c,n\n\n  ,c,z\n',
);

it.each([
  ['rows.ndjson', NDJSON],
  ['rows.csv', CSV],
])('the check finds in %s the very errors that the service finds', async (name, bytes) => {
  const { page, end } = await visit(browser, muster);
  await page.setInputFiles('input[type=file]', { name, mimeType: '', buffer: bytes });
  const dialog = page.getByRole('dialog', { name });
  await dialog.getByText(/would fail/).waitFor();
  const seen = await dialog
    .locator('.error-row')
    .evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent)));
  await dialog.getByRole('button', { name: 'Dry run' }).click();
  await page.locator('.job-tags').getByText('completed').waitFor();
  const results = await muster.results(page.url().split('/').at(-1) ?? '', '?outcome=failed');
  const expected = results.flatMap(({ line, id, errors }) =>
    errors.map(({ path, message }) => [`line ${line}`, id ?? 'no id', path, message]),
  );
  expect(seen.length).toBeGreaterThan(2);
  expect(seen).toEqual(expected);
  await end();
});

it('a file that the service would refuse as a whole cannot be sent', async () => {
  const { page, end } = await visit(browser, muster);
  await drop(page, 'broken.json', '{"users":[{"user_id":"a"},]}');
  const dialog = page.getByRole('dialog', { name: 'broken.json' });
  await dialog.getByText('The service would refuse this file.').waitFor();
  expect(await dialog.getByRole('button', { name: 'Import' }).isDisabled()).toBe(true);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await end();
});

it('another file that is dropped takes the place of the first', async () => {
  const { page, end } = await visit(browser, muster);
  await drop(page, 'first.ndjson', users(2));
  await page.getByText('2 rows, all of them fine.').waitFor();
  await drop(page, 'second.ndjson', users(3));
  await page.getByText('3 rows, all of them fine.').waitFor();
  expect(await page.getByRole('dialog').count()).toBe(1);
  await end();
});

it('a dry run says what would happen and writes nothing', async () => {
  const { page, end } = await visit(browser, muster);
  await drop(page, 'dry.ndjson', users(5, 'dry'));
  await page.getByRole('button', { name: 'Dry run' }).click();
  await page.locator('.job-tags').getByText('completed').waitFor();
  await page.locator('.job-tags').getByText('dry run').waitFor();
  await muster.get('/v1/users/dry-1').expect(404);
  await end();
});

it('a file of more rows than one import takes is met with the command line that cuts it', async () => {
  const { page, end } = await visit(browser, muster);
  await drop(page, 'many.ndjson', users(10_001));
  await page.getByText('10,001 rows, all of them fine.').waitFor();
  await page.getByText('muster import many.ndjson').waitFor();
  await end();
});

it('ten thousand errors scroll, and only those in sight are in the document', async () => {
  const { page, end } = await visit(browser, muster);
  await drop(page, 'bad.ndjson', '{"metadata":{}}\n'.repeat(10_000));
  await page.getByText('10,000 rows, 10,000 would fail.').waitFor();
  const list = page.getByRole('region', { name: 'Errors by line' });
  await list.getByText('line 1', { exact: true }).waitFor();
  for (const place of [0.5, 0.1, 1]) {
    const shown = await list.evaluate(async (box, part) => {
      box.scrollTo(0, box.scrollHeight * part);
      // Two frames: the one that scrolls, and the one that has drawn for it.
      for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
      const { top, bottom } = box.getBoundingClientRect();
      const isInSight = (row: Element) =>
        row.getBoundingClientRect().bottom > top + 1 && row.getBoundingClientRect().top < bottom - 1;
      return [...box.querySelectorAll('li')].filter(isInSight).length;
    }, place);
    expect(shown).toBeGreaterThanOrEqual(5);
    expect(await list.getByRole('listitem').count()).toBeLessThan(60);
  }
  await list.getByText('line 10,000').waitFor();
  await end();
});
