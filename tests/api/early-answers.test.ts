/** A client that is still sending megabytes can read why it is refused: with curl, with fetch, with a form or a body. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, startMuster } from '../support/muster';
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

/** Runs curl as a user would. */
function curl(key: string, ...words: string[]): Promise<Answer> {
  const url = `${muster.url}/v1/users/bulk_identify`;
  const options = ['-sS', '-w', '\n%{http_code}', '-H', `Authorization: Token ${key}`];
  const child = spawn('curl', [...options, ...words, url], { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    child.once('error', () => reject(new Error('curl is missing: install it to run this test.')));
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    child.once('close', () => {
      const [body = '', status] = text.split(/\n(?=\d+$)/);
      resolve({ status: Number(status), code: JSON.parse(body).errors[0].error_code });
    });
  });
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
    const { rows } = await muster.store.pool.query<{ id: string }>(
      `INSERT INTO jobs (id, environment_id, entity, file_size, total_rows, due_at)
       VALUES (gen_random_uuid(), $1, 'user', 1, 1, now() + interval '1 hour') RETURNING id`,
      [muster.environmentId],
    );
    try {
      expect(await send(muster.key)).toEqual({ status: 409, code: 'job_in_progress' });
    } finally {
      await muster.store.pool.query('DELETE FROM jobs WHERE id = $1', [rows[0]?.id]);
    }
  });
});
