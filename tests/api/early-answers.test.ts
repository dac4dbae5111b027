/** A client that is still sending megabytes can read why it is refused: with curl, with fetch, with a form or a body. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, startMuster } from '../support/muster';
import { occupySlot } from './support/busy-slot';
import { uploadByCurl } from './support/curl';
import { expectNextImportAccepted } from './support/refusal';

const LINE = `{"user_id":"early","metadata":{"x":"${'x'.repeat(10_000)}"}}\n`;
const NDJSON = Buffer.from(LINE.repeat(6_000));

let muster: Muster;
let folder: string;
let file: string;
beforeAll(async () => {
  muster = await startMuster();
  folder = mkdtempSync(path.join(tmpdir(), 'muster-early-'));
  file = path.join(folder, 'users.ndjson');
  writeFileSync(file, NDJSON);
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await muster.close();
});

interface Answer {
  status: number;
  code: string;
}

async function curl(key: string, ...words: string[]): Promise<Answer> {
  const { status, body } = await uploadByCurl(`${muster.url}/v1/users/bulk_identify`, key, ...words);
  return { status, code: JSON.parse(body).errors[0].error_code };
}

async function fetched(key: string, type: string | undefined, body: Buffer | FormData): Promise<Answer> {
  const headers: Record<string, string> = { Authorization: `Token ${key}` };
  if (type !== undefined) headers['Content-Type'] = type;
  const answer = await fetch(`${muster.url}/v1/users/bulk_identify`, { method: 'POST', headers, body });
  const { errors } = (await answer.json()) as { errors: { error_code: string }[] };
  return { status: answer.status, code: errors[0]?.error_code ?? '' };
}

const form = () => {
  const data = new FormData();
  data.set('file', new Blob([NDJSON]), 'users.ndjson');
  return data;
};

describe.each<[string, (key: string) => Promise<Answer>]>([
  ['curl with a form', (key) => curl(key, '-F', `file=@${file}`)],
  [
    'curl with a body',
    (key) => curl(key, '-H', 'Content-Type: application/x-ndjson', '--data-binary', `@${file}`),
  ],
  ['fetch with a form', (key) => fetched(key, undefined, form())],
  ['fetch with a body', (key) => fetched(key, 'application/x-ndjson', NDJSON)],
])('%s of 60 MB reads', (_, send) => {
  it('413 when it is too large', async () => {
    expect(await send(muster.key)).toEqual({ status: 413, code: 'payload_too_large' });
    await expectNextImportAccepted(muster);
  });

  it('401 when its key is wrong', async () => {
    expect(await send('wrong')).toEqual({ status: 401, code: 'unauthorized' });
  });

  it('409 when a job is running', async () => {
    const slot = await occupySlot(muster);
    try {
      expect(await send(muster.key)).toEqual({ status: 409, code: 'job_in_progress' });
    } finally {
      await slot.free();
    }
  });
});
