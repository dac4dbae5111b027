/** Files as people have them, in the dashboard: what was found in them is shown before they are sent, and then they are imported. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { type Muster, startMuster } from '../support/muster';
import { drop, startBrowser, visit } from './support/browser';

const sheet = (name: string) => readFileSync(path.join(__dirname, '../fixtures/spreadsheets', name));
/** As Excel saves "Unicode Text" and, in German, CSV. */
const UNICODE_TEXT = Buffer.from('\ufeffuser_id\tName\r\nutf16-1\tZoë\r\n', 'utf16le');
const GERMAN = Buffer.from('Contact ID;Name;Umsatz\r\nde-1;M\xfcller;1,50\r\nde-2;Zo\xeb;2\r\n', 'latin1');

let muster: Muster;
let browser: Browser;
beforeAll(async () => {
  [muster, browser] = await Promise.all([startMuster(), startBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await muster?.close();
});

it.each<[string, Buffer, string[]]>([
  ['people.csv', sheet('people.csv'), ['all of them fine']],
  [
    'export.txt',
    UNICODE_TEXT,
    ['Read as utf-16le', 'Read with tab as the delimiter', '1 row, all of them fine'],
  ],
  ['kunden.csv', GERMAN, ['Read as windows-1252', 'Read with semicolon', 'Used as the ID column', '2 rows']],
  ['people.xlsx', sheet('people.xlsx'), ['This is an Excel workbook (XLSX)']],
  ['xlsxwriter.xlsx', sheet('xlsxwriter.xlsx'), ['This is an Excel workbook (XLSX)']],
])('%s says what it is, and is imported under its own name', async (name, bytes, sentences) => {
  const { page, end } = await visit(browser, muster);
  await drop(page, name, bytes);
  const dialog = page.getByRole('dialog', { name });
  for (const sentence of sentences) await dialog.getByText(sentence).first().waitFor();
  await dialog.getByRole('button', { name: 'Import' }).click();
  await page.getByRole('heading', { name }).waitFor();
  await page.locator('.job-tags').getByText('completed').waitFor();
  const [job] = (await muster.get('/v1/background_jobs?limit=1').expect(200)).body;
  expect(job).toMatchObject({ filename: name, failed_rows: 0 });
  expect(job.created_rows + job.updated_rows + job.unchanged_rows).toBeGreaterThan(0);
  await end();
});

it('a German export is stored with its letters', async () => {
  const { body } = await muster.get('/v1/users/de-1').expect(200);
  expect(body.metadata).toEqual({ Name: 'Müller', Umsatz: '1,50' });
});
