/**
 * What uploads that are refused late, or aborted, cost the database: nothing. Neither rows nor write-ahead log are written
 * before the upload is whole, so there is nothing that only a vacuum would give back.
 */

import os from 'node:os';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { type Muster, startMuster } from '../support/muster';
import { countSpoolFiles } from '../support/spool-files';
import { waitFor } from '../support/wait';
import { FORM_TYPE, filePart, form, ndjsonOfBytes } from './support/form';
import { openRaw, requestHead } from './support/raw-http';

const MAX_BYTES = 6_000_000;
const UPLOADS = 5;
/** Far below what one upload would leave if its rows went to the database. */
const MAX_GROWTH_BYTES = 500_000;

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster({ maxBytes: MAX_BYTES });
});
afterAll(() => muster.close());

const head = (type: string, headers: Record<string, string | number> = {}) =>
  requestHead('POST', '/v1/users/bulk_identify', {
    Authorization: `Token ${muster.key}`,
    'Content-Type': type,
    ...headers,
  });

const chunk = (bytes: Buffer) =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);

/** Bytes of the staging tables with their indexes and large values. */
async function stagedBytes(): Promise<number> {
  const { rows } = await muster.store.pool.query<{ bytes: string }>(
    `SELECT sum(pg_total_relation_size(name::regclass))::text AS bytes
     FROM unnest(ARRAY['staged_rows', 'row_tails', 'uploads']) AS name`,
  );
  return Number(rows[0]?.bytes);
}

const big = ndjsonOfBytes(MAX_BYTES + 1_000_000);
const chunked = Buffer.concat([chunk(big.subarray(0, 3_000_000)), chunk(big.subarray(3_000_000))]);

it.each([
  ['a form', FORM_TYPE, {}, form(filePart(big))],
  ['a chunked body', 'application/x-ndjson', { 'Transfer-Encoding': 'chunked' }, chunked],
  ['a compressed body', 'application/x-ndjson', { 'Content-Encoding': 'gzip' }, gzipSync(big)],
])('%s that turns out to be too large leaves the database no larger', async (_name, type, headers, body) => {
  const before = await stagedBytes();
  const length: Record<string, number> =
    'Transfer-Encoding' in headers ? {} : { 'Content-Length': body.length };
  for (let n = 0; n < UPLOADS; n++) {
    const connection = await openRaw(muster.url);
    await connection.write(head(type, { ...(headers as Record<string, string>), ...length }));
    await connection.write(body);
    expect((await connection.answer()).status).toBe(413);
    await connection.reset();
  }
  expect((await stagedBytes()) - before).toBeLessThan(MAX_GROWTH_BYTES);
  expect(countSpoolFiles()).toBe(0);
});

it('uploads that are aborted near their end leave the database no larger', async () => {
  const before = await stagedBytes();
  const body = ndjsonOfBytes(MAX_BYTES);
  for (let n = 0; n < UPLOADS; n++) {
    const connection = await openRaw(muster.url);
    await connection.write(head('application/x-ndjson', { 'Content-Length': body.length }));
    await connection.write(body.subarray(0, -1_000));
    await waitFor('the temporary file', () => countSpoolFiles() === 1);
    await connection.reset();
    await waitFor('the end of the temporary file', () => countSpoolFiles() === 0);
  }
  expect((await stagedBytes()) - before).toBeLessThan(MAX_GROWTH_BYTES);
});

it('an upload that the temporary folder has no room for is answered with 503, and the next one is accepted', async () => {
  const missing = jest.spyOn(os, 'tmpdir').mockReturnValue('/nonexistent');
  const { body } = await muster
    .post()
    .set('Content-Type', 'application/x-ndjson')
    .send(ndjsonOfBytes(3_000_000).toString())
    .expect(503)
    .expect('Retry-After', '10');
  missing.mockRestore();
  expect(body.errors[0]).toMatchObject({
    error_code: 'unavailable',
    details: 'The temporary folder for uploads cannot be used or is full.',
  });
  const job = await muster.importNdjson(ndjsonOfBytes(3_000_000));
  expect(job).toMatchObject({ status: 'completed', failed_rows: 0 });
});
