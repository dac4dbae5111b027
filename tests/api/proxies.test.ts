/** The proxies of examples/proxies in front of the API: uploads of 45 MB get their answers, whatever sends them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, startMuster } from '../support/muster';
import { occupySlot } from './support/busy-slot';
import { uploadByCurl } from './support/curl';
import { uploadByUrllib } from './support/python';
import { type ReverseProxy, startReverseProxy } from './support/reverse-proxies';

const UPLOADS = 20;
const ROWS = 4_500;
const LINE = `{"user_id":"proxied","metadata":{"x":"${'x'.repeat(10_000)}"}}\n`;

let muster: Muster;
let folder: string;
let file: string;
beforeAll(async () => {
  muster = await startMuster();
  folder = mkdtempSync(path.join(tmpdir(), 'muster-proxies-'));
  file = path.join(folder, 'users.ndjson');
  writeFileSync(file, LINE.repeat(ROWS));
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await muster.close();
});

/** HTTP/1.0, and a new connection for every request: what nginx does when it is not told otherwise. */
const asNginxDoes = (text: string) =>
  text.replaceAll(/\n *(proxy_http_version|proxy_set_header Connection)[^\n]*/g, '');
/** Without the block of options. */
const asCaddyDoes = (text: string) => text.replace(/(reverse_proxy \S+) \{[\s\S]*?\n\t\}/, '$1');

describe.each<[string, () => Promise<ReverseProxy>]>([
  ['nginx', () => startReverseProxy('nginx', muster.url)],
  ['nginx that speaks HTTP/1.0 to Muster', () => startReverseProxy('nginx', muster.url, asNginxDoes)],
  ['Caddy', () => startReverseProxy('caddy', muster.url)],
  ['Caddy with its defaults', () => startReverseProxy('caddy', muster.url, asCaddyDoes)],
  ['HAProxy', () => startReverseProxy('haproxy', muster.url)],
])('behind %s', (_, start) => {
  let proxy: ReverseProxy;
  let url: string;
  beforeAll(async () => {
    proxy = await start();
    url = `${proxy.url}/v1/users/bulk_identify`;
  });
  afterAll(() => proxy.close());

  /** The answers of curl, with a body and with a form, and of urllib, in turn. */
  async function upload(key: string): Promise<string[]> {
    const type = 'application/x-ndjson';
    const clients = [
      () => uploadByCurl(url, key, '-H', `Content-Type: ${type}`, '--data-binary', `@${file}`),
      () => uploadByUrllib(url, file, type, key),
      () => uploadByCurl(url, key, '-F', `file=@${file}`),
      () => uploadByUrllib(url, file, type, key),
    ];
    const answers: string[] = [];
    for (let n = 0; n < UPLOADS; n++) {
      const { status, body } = await (clients[n % clients.length] as (typeof clients)[0])();
      answers.push(`${status} ${/"error_code":"(\w+)"/.exec(body)?.[1] ?? body}`);
    }
    return answers;
  }

  it(`all of ${UPLOADS} uploads with a wrong key read 401`, async () => {
    expect(await upload('wrong')).toEqual(Array(UPLOADS).fill('401 unauthorized'));
  }, 180_000);

  it(`all of ${UPLOADS} uploads while a job runs read 409`, async () => {
    const slot = await occupySlot(muster);
    try {
      expect(await upload(muster.key)).toEqual(Array(UPLOADS).fill('409 job_in_progress'));
    } finally {
      await slot.free();
    }
  }, 180_000);

  it('an upload is accepted whole, and its links lead through the proxy', async () => {
    const { status, body } = await uploadByCurl(url, muster.key, '-F', `file=@${file}`);
    expect(status).toBe(202);
    const job = JSON.parse(body);
    expect(job).toMatchObject({ total_rows: ROWS, links: `${proxy.url}/v1/background_jobs/${job.job_id}` });
    await muster.finished(job.job_id);
  });

  it('an event arrives while its stream is open', async () => {
    const slot = await occupySlot(muster);
    const leave = new AbortController();
    try {
      const answer = await fetch(`${proxy.url}/v1/background_jobs/${slot.jobId}/events`, {
        headers: { Authorization: `Token ${muster.key}` },
        signal: leave.signal,
      });
      const text = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
      let received = '';
      while (!received.includes(`"job_id":"${slot.jobId}"`)) {
        const piece = await text?.read();
        if (piece?.done !== false) throw new Error(`the stream ended after: ${received}`);
        received += piece.value;
      }
      expect(received).toContain('event: job');
    } finally {
      leave.abort();
      await slot.free();
    }
  });
});
