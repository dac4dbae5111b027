/** Clients that go away in the middle of an upload, or send it in tiny pieces. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pino from 'pino';
import { serveApi } from '#apps/api/serve';
import { type Muster, startMuster } from '../support/muster';
import { countSpoolFiles } from '../support/spool-files';
import { waitFor } from '../support/wait';
import { FORM_TYPE, filePart, form, jsonOfBytes, ndjsonOfBytes } from './support/form';
import { openRaw, requestHead } from './support/raw-http';
import { expectNextImportAccepted, traces } from './support/refusal';

const BYTES = 3_000_000;

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

const head = (type: string, length: Record<string, string | number>) =>
  requestHead('POST', '/v1/users/bulk_identify', {
    Authorization: `Token ${muster.key}`,
    'Content-Type': type,
    ...length,
  });

const chunk = (bytes: Buffer) =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);

describe.each([
  ['a file', FORM_TYPE, () => form(filePart(ndjsonOfBytes(BYTES)))],
  ['a JSON body', 'application/json', () => jsonOfBytes(BYTES)],
])('an upload of %s that ends', (_name, type, make) => {
  it.each([0, 1, 50, 99, 99.999])(
    'after %d %% leaves nothing, and the next import is accepted',
    async (percent) => {
      const before = await traces(muster);
      const body = make();
      const cut = Math.min(Math.floor((body.length * percent) / 100), body.length - 1);
      const connection = await openRaw(muster.url);
      await connection.write(head(type, { 'Content-Length': body.length }));
      await connection.write(body.subarray(0, cut));
      if (percent >= 50) {
        await waitFor('the first rows', () => countSpoolFiles() === 1);
      }
      await connection.reset();
      // The next one is accepted at once, whether the rest of the last one is removed yet or not.
      await expectNextImportAccepted(muster);
      await waitFor('an empty database', async () => {
        const { uploads, staged_rows, slots_taken, jobs } = await traces(muster);
        // The import just made has its one row.
        return (
          countSpoolFiles() === 0 &&
          uploads === 0 &&
          slots_taken === 0 &&
          jobs === (before.jobs ?? 0) + 1 &&
          staged_rows === (before.staged_rows ?? 0) + 1
        );
      });
    },
  );

  it('in the middle of a chunk leaves nothing', async () => {
    const before = await traces(muster);
    const body = make();
    const connection = await openRaw(muster.url);
    await connection.write(head(type, { 'Transfer-Encoding': 'chunked' }));
    await connection.write(chunk(body).subarray(0, 2_000_000));
    await waitFor('the first rows', () => countSpoolFiles() === 1);
    expect(await traces(muster)).toEqual(before);
    await connection.reset();
    await waitFor('the end of the temporary file', () => countSpoolFiles() === 0);
    expect(await traces(muster)).toEqual(before);
  });

  it('gracefully, by a half-closed connection, leaves nothing', async () => {
    const before = await traces(muster);
    const body = make();
    const connection = await openRaw(muster.url);
    await connection.write(head(type, { 'Content-Length': body.length }));
    await connection.write(body.subarray(0, 2_000_000));
    connection.socket.end();
    await waitFor('the end of the connection', () => connection.socket.closed);
    await waitFor('the database as it was', async () => {
      return JSON.stringify(await traces(muster)) === JSON.stringify(before);
    });
  });
});

it('20 uploads that end at once leave nothing', async () => {
  const before = await traces(muster);
  const body = form(filePart(ndjsonOfBytes(BYTES)));
  await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      const connection = await openRaw(muster.url);
      await connection.write(head(FORM_TYPE, { 'Content-Length': body.length }));
      await connection.write(body.subarray(0, Math.floor((body.length * i) / 20)));
      await connection.reset();
    }),
  );
  await expectNextImportAccepted(muster);
  await waitFor('an empty database', async () => {
    const { uploads, staged_rows } = await traces(muster);
    return countSpoolFiles() === 0 && uploads === 0 && staged_rows === (before.staged_rows ?? 0) + 1;
  });
});

it('the refusal of a form that was cut comes when its temporary file is gone', async () => {
  const before = await traces(muster);
  const cut = filePart(ndjsonOfBytes(BYTES));
  const connection = await openRaw(muster.url);
  await connection.write(head(FORM_TYPE, { 'Content-Length': cut.length }));
  await connection.write(cut.subarray(0, -100));
  await waitFor('the first rows', () => countSpoolFiles() === 1);
  await connection.write(cut.subarray(-100));
  expect((await connection.answer()).status).toBe(400);
  expect(countSpoolFiles()).toBe(0);
  expect(await traces(muster)).toEqual(before);
  await connection.reset();
});

it.each([
  ['a file', FORM_TYPE, () => form(filePart(ndjsonOfBytes(BYTES)))],
  ['a JSON body', 'application/json', () => jsonOfBytes(BYTES)],
])('a client that goes away is no failure of the service in its log: %s', async (_name, type, make) => {
  const errors: string[] = [];
  const requests: string[] = [];
  const logger = pino({ level: 'info' }, { write: (line) => void requests.push(line) });
  logger.error = ((...args: unknown[]) => errors.push(JSON.stringify(args))) as never;
  const api = await serveApi({ ...muster, logger });
  const body = make();
  const connection = await openRaw(api.url);
  await connection.write(head(type, { 'Content-Length': body.length }));
  await connection.write(body.subarray(0, 2_000_000));
  await waitFor('the first rows', () => countSpoolFiles() === 1);
  await connection.reset();
  await waitFor('the end of the temporary file', () => countSpoolFiles() === 0);
  // It closes when no request is left.
  await api.close();
  expect(errors).toEqual([]);
  for (const line of requests) expect(JSON.parse(line)).not.toMatchObject({ level: 50 });
});

describe('a body in pieces is the same body', () => {
  const text = '{"user_id":"pièce-😀-名","metadata":{"näme":"\u2028 𝄞 \\ud83d\\ude00"}}';
  const whole: [string, string, Buffer][] = [
    ['a file', FORM_TYPE, form(filePart(`\ufeff${text}\r\n\r\n${text.replace('pièce', 'last')}`))],
    ['a JSON body', 'application/json', Buffer.from(`{"users":[${text},${text.replace('pièce', 'last')}]}`)],
  ];

  it.each(whole)('%s, byte by byte in chunks', async (_name, type, body) => {
    const connection = await openRaw(muster.url);
    await connection.write(head(type, { 'Transfer-Encoding': 'chunked' }));
    for (let i = 0; i < body.length; i++) await connection.write(chunk(body.subarray(i, i + 1)));
    await connection.write('0\r\n\r\n');
    await expectBothStored(await connection.answer());
    await connection.reset();
  });

  it.each(whole)('%s, byte by byte on the wire', async (_name, type, body) => {
    const connection = await openRaw(muster.url);
    const bytes = Buffer.concat([Buffer.from(head(type, { 'Content-Length': body.length })), body]);
    for (let i = 0; i < bytes.length; i++) await connection.write(bytes.subarray(i, i + 1));
    await expectBothStored(await connection.answer());
    await connection.reset();
  });

  async function expectBothStored(answer: { status: number; body: unknown }): Promise<void> {
    expect(answer.status).toBe(202);
    const { job_id, total_rows } = answer.body as { job_id: string; total_rows: number };
    expect(total_rows).toBe(2);
    expect(await muster.finished(job_id)).toMatchObject({ status: 'completed', failed_rows: 0 });
    for (const id of ['pièce-😀-名', 'last-😀-名']) {
      const { body } = await muster.get(`/v1/users/${encodeURIComponent(id)}`).expect(200);
      expect(body.metadata).toEqual({ näme: '\u2028 𝄞 😀' });
    }
  }
});
