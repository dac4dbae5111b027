/** Workbooks (XLSX) from upload to results. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, startMuster } from '../support/muster';
import { countSpoolFiles } from '../support/spool-files';
import { waitFor } from '../support/wait';
import { textRow, workbookOf } from '../support/workbook';
import { FORM_TYPE, filePart, form } from './support/form';
import { postBody } from './support/post-body';
import { openRaw, requestHead } from './support/raw-http';
import { expectNextImportAccepted, expectRefusal } from './support/refusal';

const XLSX_TYPE = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';
const fixture = (name: string) => readFileSync(`${__dirname}/../fixtures/spreadsheets/${name}`);

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

const path = (query = '', collection = 'users') => `/v1/${collection}/bulk_identify${query}`;
const sendFile = (bytes: Buffer, filename: string, query = '') =>
  postBody(muster, form(filePart(bytes, filename)), { 'Content-Type': FORM_TYPE }, path(query));
const metadataOf = async (id: string) => (await muster.get(`/v1/users/${id}`).expect(200)).body.metadata;

describe('a workbook', () => {
  it('is imported cell by cell, and its results are CSV with its header and the numbers of its rows', async () => {
    const { body } = await sendFile(fixture('people.xlsx'), 'people.xlsx').expect(202);
    expect(await muster.finished(body.job_id)).toMatchObject({
      status: 'completed',
      filename: 'people.xlsx',
      total_rows: 3,
      created_rows: 3,
    });
    expect(await metadataOf('p-001')).toEqual({
      name: 'Zoë Müller',
      zip: '01067',
      signed_up: '2026-01-31',
      last_seen: '2026-01-31T10:00:00',
      seats: '7',
      price: '0.1',
      active: 'true',
      note: 'two\nlines, and "quotes"',
    });
    expect(await metadataOf('p-003')).toEqual({
      name: "O'Neil",
      zip: '00501',
      signed_up: '2024-02-29',
      last_seen: '2024-02-29T00:00:00',
      seats: '42',
      price: '-0.3',
    });
    const results = await muster.get(`/v1/background_jobs/${body.job_id}/results`).expect(200);
    const lines = results.text.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { id: 'p-001', line: 2 },
      { id: 'p-002', line: 3 },
      { id: 'p-003', line: 5 },
    ]);
    const input = await muster.get(`/v1/background_jobs/${body.job_id}/results?as=input`).expect(200);
    expect(input.text).toBe(
      [
        'user_id,name,zip,signed_up,last_seen,seats,price,active,note',
        'p-001,Zoë Müller,01067,2026-01-31,2026-01-31T10:00:00,7,0.1,true,"two\nlines, and ""quotes"""',
        'p-002,李雷,10115,1999-12-31,1999-12-31T23:59:59,1000,1234567.891,false,semi;colon',
        "p-003,O'Neil,00501,2024-02-29,2024-02-29T00:00:00,42,-0.3,,",
        '',
      ].join('\n'),
    );
    expect(countSpoolFiles()).toBe(0);
  });

  it.each([XLSX_TYPE, 'application/zip', 'text/csv', 'application/x-ndjson', 'application/json'])(
    'is one as a body of %s, too',
    async (type) => {
      const { body } = await postBody(muster, fixture('workbook.xlsx'), { 'Content-Type': type }).expect(202);
      const job = await muster.finished(body.job_id);
      expect(job).toMatchObject({ status: 'completed', total_rows: 2, failed_rows: 0 });
      expect(await metadataOf('r-1')).toMatchObject({ born: '1969-07-20', at: '18:30:15', sum: '14.07' });
    },
  );

  it('is cut at its commas whatever its cells and the parameters are', async () => {
    const rows = textRow(1, 'user_id', 'a;b;c') + textRow(2, 'semi;colon', '1;2;3') + textRow(3, 'x', 'ä');
    const bytes = await workbookOf({ sheets: { S: rows } });
    const { body } = await sendFile(bytes, 'x.csv', '?delimiter=semicolon&encoding=windows-1252').expect(202);
    await muster.finished(body.job_id);
    expect(await metadataOf('x')).toEqual({ 'a;b;c': 'ä' });
    expect(await metadataOf('semi;colon')).toEqual({ 'a;b;c': '1;2;3' });
  });

  it('of companies is imported from the sheet that is asked for', async () => {
    const bytes = await workbookOf({
      sheets: {
        Users: textRow(1, 'user_id'),
        Companies: textRow(1, 'company_id', 'n') + textRow(2, 'wb-c', '1'),
      },
    });
    const type = { 'Content-Type': XLSX_TYPE };
    const { body } = await postBody(muster, bytes, type, path('?sheet=companies', 'companies')).expect(202);
    expect(await muster.finished(body.job_id)).toMatchObject({ created_rows: 1 });
  });

  it('of several sheets says which one was read, unless that was asked for', async () => {
    const sheets = {
      First: textRow(1, 'user_id', 'n') + textRow(2, 'wb-first', '1'),
      Second: textRow(1, 'user_id'),
    };
    const { body } = await sendFile(await workbookOf({ sheets }), 'a.xlsx').expect(202);
    expect((await muster.finished(body.job_id)).warnings).toMatchObject([
      { code: 'sheet_detected', path: 'First' },
    ]);
    const asked = await sendFile(await workbookOf({ sheets }), 'a.xlsx', '?sheet=1').expect(202);
    expect((await muster.finished(asked.body.job_id)).warnings).toEqual([]);
  });

  it('whose sheet is not there is refused with the names of those that are', async () => {
    const send = () => sendFile(fixture('workbook.xlsx'), 'a.xlsx', '?sheet=Nope');
    const { body } = await expectRefusal(muster, send, 400, 'invalid_parameter');
    expect(body.errors[0].details).toMatch(/"Cover", "Hidden", "Users & more"/);
    expect(countSpoolFiles()).toBe(0);
  });

  it('that is blank is an import without rows', async () => {
    const bytes = await workbookOf({ sheets: { S: '' } });
    await expectRefusal(muster, () => sendFile(bytes, 'a.xlsx'), 400, 'empty_import');
  });

  it('is the same request when it is sent again with the same key, and another one with another sheet', async () => {
    const send = (query: string) =>
      sendFile(fixture('workbook.xlsx'), 'a.xlsx', query).set('Idempotency-Key', 'workbook-again');
    const { body: first } = await send('?sheet=3').expect(202);
    await muster.finished(first.job_id);
    const again = await send('?sheet=3').expect(202);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(again.body.job_id).toBe(first.job_id);
    await send('?sheet=Hidden').expect(422);
    expect(countSpoolFiles()).toBe(0);
  });

  it.each([
    ['an old one', 'people.xls', /XLS.*password.*Save it as XLSX/],
    ['one of LibreOffice', 'people.ods', /ODS.*Save the sheet as XLSX/],
  ])('that is %s is refused with what to do', async (_, name, sentence) => {
    const { body } = await expectRefusal(muster, () => sendFile(fixture(name), name), 400, 'invalid_json');
    expect(body.errors[0].details).toMatch(sentence);
  });

  it('that breaks in the middle of its rows leaves nothing', async () => {
    const rows = Array.from({ length: 5_000 }, (_, n) => textRow(n + 1, n === 0 ? 'user_id' : `cut-${n}`));
    const bytes = await workbookOf({ sheets: { S: `${rows.join('')}<row` } });
    await expectRefusal(muster, () => sendFile(bytes, 'a.xlsx'), 400, 'invalid_json');
    expect(countSpoolFiles()).toBe(0);
  });

  it('whose sender goes away leaves no temporary file', async () => {
    const rows = Array.from({ length: 9_000 }, (_, n) => textRow(n + 1, n === 0 ? 'user_id' : `gone-${n}`));
    const body = form(filePart(await workbookOf({ sheets: { S: rows.join('') } }), 'a.xlsx'));
    const connection = await openRaw(muster.url);
    const headers = { 'Content-Type': FORM_TYPE, 'Content-Length': body.length };
    await connection.write(requestHead('POST', path(), { Authorization: `Token ${muster.key}`, ...headers }));
    await connection.write(body.subarray(0, -500));
    await waitFor('the temporary file', () => countSpoolFiles() === 1);
    await connection.reset();
    await waitFor('no temporary file', () => countSpoolFiles() === 0);
    await expectNextImportAccepted(muster);
  });
});
