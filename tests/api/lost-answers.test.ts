/**
 * A refusal reaches the client even when the connection closes after it and megabytes of the body have not been read. What is
 * read after the answer has limits.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, startMuster } from '../support/muster';
import { waitFor } from '../support/wait';
import { occupySlot } from './support/busy-slot';
import { uploadBySocket, uploadByUrllib } from './support/python';
import { openRaw, requestHead } from './support/raw-http';

const MB = 1_000_000;
const PATH = '/v1/users/bulk_identify';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster({ track: 'ignore' });
});
afterAll(() => muster.close());

describe.each<[string, string, string[]]>([
  ['with Connection: close', 'HTTP/1.1', ['Connection: close']],
  ['of HTTP/1.0', 'HTTP/1.0', []],
  ['that sends its body without waiting for 100 Continue', 'HTTP/1.1', ['Expect: 100-continue']],
  ['that keeps its connection', 'HTTP/1.1', []],
])('a client %s, which reads after it has sent 45 MB, reads', (_, version, lines) => {
  const send = (path: string, key: string, type: string, bytes = 45 * MB) =>
    uploadBySocket(
      muster.url,
      [
        `POST ${path} ${version}`,
        'Host: muster.test',
        `Authorization: Token ${key}`,
        `Content-Type: ${type}`,
        `Content-Length: ${bytes}`,
        ...lines,
        '\r\n',
      ].join('\r\n'),
      bytes,
    );
  const expectAnswer = async (sent: ReturnType<typeof send>, status: number, code: string) => {
    const answer = await sent;
    expect(answer).toEqual({ status, body: expect.stringContaining(`"${code}"`) });
  };

  it('401', () => expectAnswer(send(PATH, 'wrong', 'application/json'), 401, 'unauthorized'));
  it('404', () => expectAnswer(send('/v1/nothing', muster.key, 'application/json'), 404, 'not_found'));
  it('413', () =>
    expectAnswer(send(PATH, muster.key, 'application/json', 60 * MB), 413, 'payload_too_large'));
  it('413 of a single call', () =>
    expectAnswer(send('/v1/identify', muster.key, 'application/json'), 413, 'payload_too_large'));
  it('415', () => expectAnswer(send(PATH, muster.key, 'text/plain'), 415, 'unsupported_media_type'));
  it('202 of an event that is ignored', () =>
    expectAnswer(send('/v1/track', muster.key, 'application/json'), 202, 'ignored'));
  it('400 of a body that is no JSON', () =>
    expectAnswer(send(PATH, muster.key, 'application/json'), 400, 'invalid_json'));

  it('409', async () => {
    const slot = await occupySlot(muster);
    await expectAnswer(send(PATH, muster.key, 'application/json'), 409, 'job_in_progress');
    await slot.free();
  });
});

it.each([5, 45])("Python's urllib reads 401 after it has sent %d MB", async (megabytes) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'muster-lost-'));
  const file = path.join(folder, 'users.ndjson');
  writeFileSync(file, Buffer.alloc(megabytes * MB, '{}\n'));
  try {
    const answer = await uploadByUrllib(`${muster.url}${PATH}`, file, 'application/x-ndjson', 'wrong');
    expect(answer).toEqual({ status: 401, body: expect.stringContaining('"unauthorized"') });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('after an answer', () => {
  const head = (headers: Record<string, string | number>) =>
    requestHead('POST', PATH, { Authorization: 'Token wrong', ...headers });
  const hits = async () => {
    const { text } = await muster.get('/metrics');
    return Number(/^muster_limit_hits_total\{limit="unread_body"\} (\d+)$/m.exec(text)?.[1]);
  };

  it('the connection goes on with the next request when the body has arrived', async () => {
    const connection = await openRaw(muster.url);
    await connection.write(head({ 'Content-Length': 5 * MB }));
    expect((await connection.answer()).status).toBe(401);
    await connection.write(Buffer.alloc(5 * MB));
    await connection.write(requestHead('GET', '/healthz', {}));
    expect((await connection.answer()).status).toBe(200);
    await connection.reset();
  });

  it('a client that sends no more is hung up on, and counted', async () => {
    const before = await hits();
    const connection = await openRaw(muster.url);
    await connection.write(head({ 'Content-Length': 5 * MB }));
    expect((await connection.answer()).status).toBe(401);
    await waitFor('the end of the connection', () => connection.socket.closed, 10_000);
    expect(await hits()).toBe(before + 1);
  });

  it('a client that never ends is hung up on', async () => {
    const before = await hits();
    const connection = await openRaw(muster.url);
    await connection.write(head({ 'Transfer-Encoding': 'chunked' }));
    expect((await connection.answer()).status).toBe(401);
    const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(0x100000), Buffer.from('\r\n')]);
    const closed = new Promise((resolve) => connection.socket.once('close', resolve));
    let sent = 0;
    while (!connection.socket.closed && sent < 1_000) {
      await Promise.race([connection.write(chunk), closed]);
      sent++;
    }
    // 50 MB and 64 MB more, and what is on its way.
    expect(sent).toBeGreaterThan(110);
    expect(sent).toBeLessThan(200);
    expect(await hits()).toBe(before + 1);
  });

  it('a body that is declared larger than what is read of it closes the connection', async () => {
    const connection = await openRaw(muster.url);
    await connection.write(head({ 'Content-Length': 1_000 * MB }));
    const answer = await connection.answer();
    expect({ status: answer.status, connection: answer.headers.connection }).toEqual({
      status: 401,
      connection: 'close',
    });
    await connection.reset();
  });

  it('it does not wait long for a body that stops behind a proxy, nor for one that was not asked for', async () => {
    for (const [expectation, mostMs] of [
      [{}, 4_000],
      [{ Expect: '100-continue' }, 900],
    ] as const) {
      const connection = await openRaw(muster.url);
      const headers = { 'X-Forwarded-For': '192.0.2.1', 'Content-Length': 5 * MB, ...expectation };
      const sentMs = Date.now();
      await connection.write(head(headers));
      const answer = await connection.answer();
      expect(answer).toMatchObject({ status: 401, informational: [] });
      expect(Date.now() - sentMs).toBeLessThan(mostMs);
      await connection.reset();
    }
  });
});
