/** Files as people pack them: gzip, and zip archives with one file. What they are is seen in their bytes. */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, startMuster } from '../support/muster';
import { countSpoolFiles } from '../support/spool-files';
import { waitFor } from '../support/wait';
import { zipOf } from '../support/zip';
import { FORM_TYPE, filePart, form, ndjson, ndjsonOfBytes } from './support/form';
import { postBody } from './support/post-body';
import { openRaw, requestHead } from './support/raw-http';
import { expectNextImportAccepted, expectRefusal } from './support/refusal';

const CSV = 'user_id,plan\npacked-1,pro\npacked-2,"free, for now"\n';
const NDJSON = '{"user_id":"packed-1","metadata":{"plan":"pro"}}\n{"user_id":"packed-2"}\n';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

const sendFile = (bytes: Buffer, filename: string, query = '') =>
  postBody(muster, form(filePart(bytes, filename)), { 'Content-Type': FORM_TYPE }, path(query));
const sendBody = (bytes: Buffer, type: string, query = '') =>
  postBody(muster, bytes, { 'Content-Type': type }, path(query));
const path = (query: string) => `/v1/users/bulk_identify${query}`;

const csv = Buffer.from(CSV);
const json = `[${NDJSON.trim().replace('\n', ',')}]`;
const mac = { 'users.csv': CSV, '__MACOSX/._users.csv': 'x', '.DS_Store': 'x', 'empty/': '' };
const members = Buffer.concat([gzipSync(csv.subarray(0, 20)), gzipSync(csv.subarray(20))]);

describe('a packed file is imported as what is in it:', () => {
  it.each<[string, string, () => Buffer | Promise<Buffer>]>([
    ['a .csv.gz', 'users.csv.gz', () => gzipSync(csv)],
    ['a .ndjson.gz', 'users.ndjson.gz', () => gzipSync(NDJSON)],
    ['a .jsonl.gz', 'users.jsonl.gz', () => gzipSync(NDJSON)],
    ['gzip that is called something else', 'users.csv', () => gzipSync(csv)],
    ['gzip in two members', 'users.csv.gz', () => members],
    ['a zip archive', 'export.zip', () => zipOf({ 'users.csv': CSV })],
    ['a zip archive with a folder', 'export.zip', () => zipOf({ 'x/users.ndjson': NDJSON })],
    ['a zip archive made on a Mac', 'users.zip', () => zipOf(mac)],
    ['a zip archive without compression', 'users.zip', () => zipOf({ 'users.csv': CSV }, false)],
  ])('%s', async (_, filename, make) => {
    const { body } = await sendFile(await make(), filename).expect(202);
    await expectImported(body.job_id, filename);
  });

  it.each<[string, string, () => Buffer | Promise<Buffer>]>([
    ['gzip as text/csv', 'text/csv', () => gzipSync(csv)],
    ['gzip as application/gzip', 'application/gzip', () => gzipSync(NDJSON)],
    ['gzip as application/json', 'application/json', () => gzipSync(json)],
    ['a zip archive as application/zip', 'application/zip', () => zipOf({ 'users.ndjson': NDJSON })],
    ['a zip archive as application/x-ndjson', 'application/x-ndjson', () => zipOf({ 'users.csv': CSV })],
  ])('a body of %s', async (_, type, make) => {
    const { body } = await sendBody(await make(), type).expect(202);
    await expectImported(body.job_id, '');
  });

  async function expectImported(jobId: string, filename: string): Promise<void> {
    const job = await muster.finished(jobId);
    expect(job).toMatchObject({ status: 'completed', filename, total_rows: 2, failed_rows: 0 });
    const { body: user } = await muster.get('/v1/users/packed-1').expect(200);
    expect(user.metadata).toEqual({ plan: 'pro' });
    expect(countSpoolFiles()).toBe(0);
  }
});

describe('a packed file that cannot be read is refused, and leaves nothing:', () => {
  const packed = gzipSync(ndjson(9_000));
  it.each<[string, string, RegExp, () => Buffer | Promise<Buffer>]>([
    ['gzip that is cut off', 'invalid_json', /gzip data is broken/, () => packed.subarray(0, -20)],
    ['gzip with a wrong byte', 'invalid_json', /gzip data is broken/, () => damaged(packed)],
    ['gzip of nothing', 'empty_import', /^$/, () => gzipSync('')],
    [
      'a zip archive that is cut off',
      'invalid_json',
      /zip archive is broken/,
      async () => (await zipped()).subarray(0, -30),
    ],
    [
      'a zip archive with a wrong byte',
      'invalid_json',
      /zip archive is broken/,
      async () => damaged(await zipped()),
    ],
    [
      'a zip archive with a wrong checksum',
      'invalid_json',
      /zip archive is broken/,
      async () => damaged(await zipped(false)),
    ],
    ['a zip archive without a file', 'empty_import', /no file/, () => zipOf({ 'empty/': '' })],
    ['a zip archive without anything', 'empty_import', /no file/, () => zipOf({})],
    [
      'a zip archive with two files',
      'too_many_files',
      /2 files/,
      () => zipOf({ 'a.csv': CSV, 'b.csv': CSV }),
    ],
    [
      'a zip archive in a zip archive',
      'invalid_json',
      /holds another packed file/,
      async () => zipOf({ 'a.zip': await zipped() }),
    ],
    ['gzip in gzip', 'invalid_json', /holds another packed file/, () => gzipSync(gzipSync(CSV))],
    ['an archive with a password', 'invalid_json', /password/, async () => encrypted(await zipped())],
  ])('%s', async (_, code, sentence, make) => {
    const bytes = await make();
    const { body } = await expectRefusal(muster, () => sendFile(bytes, 'users.csv'), 400, code);
    expect(body.errors[0].details).toMatch(sentence);
    expect(countSpoolFiles()).toBe(0);
  });

  const zipped = (compress = true) => zipOf({ 'users.ndjson': ndjson(9_000) }, compress);
});

describe('what unpacks to more than is allowed is refused, and leaves nothing:', () => {
  it.each<[string, () => Buffer | Promise<Buffer>]>([
    ['a gzip bomb', () => gzipSync(ndjsonOfBytes(60_000_000))],
    ['a zip bomb', () => zipOf({ 'users.csv': ndjsonOfBytes(60_000_000) })],
    ['a zip archive with very many entries', () => manyEntries(1_000_000)],
  ])('%s', async (_, make) => {
    const bytes = await make();
    await expectRefusal(muster, () => sendFile(bytes, 'users.csv'), 413, 'payload_too_large');
    expect(countSpoolFiles()).toBe(0);
  });

  it('a zip archive whose file is larger than the archive says', async () => {
    const bytes = lying(await zipOf({ 'users.ndjson': ndjson(9_000) }));
    await expectRefusal(muster, () => sendFile(bytes, 'users.csv'), 400, 'invalid_json');
  });

  it('a zip archive whose entries share their bytes', async () => {
    const bytes = overlapping(await zipOf({ 'a.csv': ndjson(500), 'b.csv': ndjson(500) }, false));
    await expectRefusal(muster, () => sendFile(bytes, 'users.csv'), 400, 'invalid_json');
  });
});

describe('a packed file', () => {
  it('is told from another one by what is in it: repacked it is the same request', async () => {
    const send = (bytes: Buffer, query = '') =>
      sendFile(bytes, 'users.csv.gz', query).set('Idempotency-Key', 'packed-again');
    const { body: first } = await send(gzipSync(csv)).expect(202);
    await muster.finished(first.job_id);
    const again = await send(gzipSync(csv, { level: 1 })).expect(202);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(again.body.job_id).toBe(first.job_id);
    await send(await zipOf({ 'users.csv': `${CSV}packed-3,x\n` })).expect(422);
    expect(countSpoolFiles()).toBe(0);
  });

  it('that is no workbook has no sheet to choose', async () => {
    const { body } = await expectRefusal(
      muster,
      () => sendFile(gzipSync(csv), 'users.csv.gz', '?sheet=Users'),
      400,
      'invalid_parameter',
    );
    expect(body.errors[0].details).toMatch(/this file is none/);
  });

  it('whose upload is aborted leaves no temporary file', async () => {
    const body = form(filePart(await zipOf({ 'users.ndjson': ndjson(200_000) }, false), 'users.zip'));
    const connection = await openRaw(muster.url);
    const headers = {
      Authorization: `Token ${muster.key}`,
      'Content-Type': FORM_TYPE,
      'Content-Length': body.length,
    };
    await connection.write(requestHead('POST', '/v1/users/bulk_identify', headers));
    await connection.write(body.subarray(0, -1_000));
    await waitFor('the temporary file', () => countSpoolFiles() === 1);
    await connection.reset();
    await waitFor('no temporary file', () => countSpoolFiles() === 0);
    await expectNextImportAccepted(muster);
  });
});

/** With another byte in its middle. */
function damaged(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const middle = copy.length >> 1;
  copy[middle] = (copy[middle] ?? 0) ^ 0x10;
  return copy;
}

/** With the flag of encryption at its first entry. */
function encrypted(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const directory = copy.indexOf('PK\x01\x02', 'latin1');
  copy.writeUInt16LE(copy.readUInt16LE(directory + 8) | 1, directory + 8);
  return copy;
}

/** Says that its first entry is small. */
function lying(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt32LE(100, copy.indexOf('PK\x01\x02', 'latin1') + 24);
  return copy;
}

/** Both entries have all bytes of the archive. */
function overlapping(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  for (
    let at = copy.indexOf('PK\x01\x02', 'latin1');
    at !== -1;
    at = copy.indexOf('PK\x01\x02', at + 4, 'latin1')
  ) {
    copy.writeUInt32LE(copy.length - 100, at + 20);
    copy.writeUInt32LE(copy.length - 100, at + 24);
  }
  return copy;
}

/** An archive that has the same empty file so many times; the numbers of ZIP64, as there are more than 65,535. */
function manyEntries(count: number): Buffer {
  const local = Buffer.alloc(31);
  local.write('PK\x03\x04', 'latin1');
  local.writeUInt16LE(1, 26);
  const entry = Buffer.alloc(47);
  entry.write('PK\x01\x02', 'latin1');
  entry.writeUInt16LE(1, 28);
  const directory = Buffer.alloc(count * entry.length, entry);
  const end = Buffer.alloc(56 + 20 + 22);
  end.write('PK\x06\x06', 'latin1');
  end.writeBigUInt64LE(BigInt(count), 32);
  end.writeBigUInt64LE(BigInt(local.length), 48);
  end.write('PK\x06\x07', 56, 'latin1');
  end.writeBigUInt64LE(BigInt(local.length + directory.length), 56 + 8);
  end.write('PK\x05\x06', 76, 'latin1');
  end.fill(0xff, 76 + 8, 76 + 20);
  return Buffer.concat([local, directory, end]);
}
