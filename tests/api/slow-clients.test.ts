/** Clients that are slow, or stop in the middle, are hung up on in time, hold nothing, and keep nobody waiting. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Listener } from '#apps/api/listen';
import { serveApi } from '#apps/api/serve';
import { createLogger } from '#logger';
import { type Muster, startMuster } from '../support/muster';
import { waitFor } from '../support/wait';
import { openRaw, requestHead } from './support/raw-http';
import { expectNextImportAccepted, traces } from './support/refusal';

/** The limits of the service are 60 s and 300 s. */
const LIMITS = { headersMs: 1_500, requestMs: 3_000, checkMs: 100 };
const SOCKETS = 300;

let muster: Muster;
let api: Listener;
beforeAll(async () => {
  muster = await startMuster();
  api = await serveApi({ ...muster, logger: createLogger('test', 'silent'), limits: LIMITS });
});
afterAll(async () => {
  await api.close();
  await muster.close();
});

const head = (type: string, bytes: number) =>
  requestHead('POST', '/v1/users/bulk_identify', {
    Authorization: `Token ${muster.key}`,
    'Content-Type': type,
    'Content-Length': bytes,
  });

describe('a client is hung up on', () => {
  it(`that sends its header byte by byte, and so are ${SOCKETS} of them, while others are answered`, async () => {
    const slow = await Promise.all(Array.from({ length: SOCKETS }, () => openRaw(api.url)));
    const trickle = setInterval(() => {
      for (const { socket } of slow) if (socket.writable) socket.write('X');
    }, 300);
    try {
      for (const { socket } of slow) socket.write('GET /healthz HTTP/1.1\r\nHost: h\r\nX-Slow: ');
      let answeredMeanwhile = 0;
      await waitFor('all to be hung up on', async () => {
        expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
        const areAllClosed = slow.every(({ socket }) => socket.closed);
        if (!areAllClosed) answeredMeanwhile++;
        return areAllClosed;
      });
      expect(answeredMeanwhile).toBeGreaterThan(0);
    } finally {
      clearInterval(trickle);
    }
  });

  it.each([
    ['a JSON body', 'application/json', '{"users":[{"user_id":"slow"},'],
    ['NDJSON', 'application/x-ndjson', '{"user_id":"slow"}\n'],
    ['CSV', 'text/csv', 'user_id\nslow\n'],
    [
      'a form',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n{"user_id":"slow"}\n',
    ],
    [
      'a form with a foreign part',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n',
    ],
  ])(
    'that stops in the middle of %s: it leaves nothing, and the slot is free meanwhile',
    async (_, type, begun) => {
      const connection = await openRaw(api.url);
      await connection.write(head(type, 1_000_000));
      await connection.write(Buffer.from(begun));
      await expectNextImportAccepted(muster);
      const before = await traces(muster);
      await waitFor('the end of the connection', () => connection.socket.closed, 10_000);
      expect(connection.received()).toMatch(/^HTTP\/1\.1 4\d\d /);
      await waitFor('no upload', async () => (await traces(muster)).uploads === 0);
      expect(await traces(muster)).toEqual(before);
    },
  );
});

describe('a form is refused before its end', () => {
  const part = (name: string, filename: string) =>
    `--b\r\nContent-Disposition: form-data; name="${name}"; filename="${filename}"\r\n\r\n{"user_id":"early"}\n\r\n`;

  it.each([
    ['another field', part('upload', 'a.ndjson'), 'unexpected_field'],
    ['a second file', part('file', 'a.ndjson') + part('file', 'b.ndjson'), 'too_many_files'],
    ['another file beside it', part('file', 'a.ndjson') + part('other', 'b.ndjson'), 'too_many_files'],
  ])('for %s', async (_, body, code) => {
    // Of the API with the usual limits: long before them, and the rest of the body never comes.
    const connection = await openRaw(muster.url);
    await connection.write(head('multipart/form-data; boundary=b', 10_000_000));
    await connection.write(Buffer.from(body));
    await waitFor('the answer', () => connection.received().includes(code));
    expect(connection.received()).toMatch(/^HTTP\/1\.1 400 /);
    connection.socket.destroy();
    await expectNextImportAccepted(muster);
    await waitFor('no upload', async () => (await traces(muster)).uploads === 0);
  });
});
