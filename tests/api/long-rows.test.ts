/** Rows that are far longer than a row may be: refused one by one, given back byte for byte, and never held as a whole. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, readText, startMuster, type WireJob } from '../support/muster';
import { traces } from './support/refusal';

const MB = 1024 * 1024;
let muster: Muster;
beforeAll(async () => {
  muster = await startMuster({ usersPerMinute: 0, maxBytes: 20 * MB });
});
afterAll(() => muster.close());

const text = (bytes: number) => 'Any text, é or not. '.repeat(bytes / 20);
const BODIES = {
  'application/x-ndjson': [
    `{"user_id":"n1"}\r\n`,
    `{"user_id":"long","metadata":{"text":"${text(6 * MB)}"}}\r\n`,
    `{"user_id":"n2"}\n`,
    `{"metadata":"${text(3 * MB)}"`,
  ],
  'text/csv': [`user_id,text\n`, `c1,x\n`, `long,"${text(3 * MB)}\n${text(2 * MB)}"\n`, `c2,y\n`],
  'application/json': [`{"user_id":"j1"}`, `{"user_id":"long","metadata":{"text":"${text(5 * MB)}"}}`],
};
type Type = keyof typeof BODIES;

const bodyOf = (type: Type) =>
  type === 'application/json' ? `[${BODIES[type].join(',\n')}]` : BODIES[type].join('');
/** The lines as they are given back. */
const inputOf = (type: Type) => BODIES[type].map((row) => `${row.replace(/\r?\n$/, '')}\n`).join('');

async function imported(type: Type): Promise<WireJob> {
  const { body } = await muster.post().set('Content-Type', type).send(bodyOf(type)).expect(202);
  await muster.finished(body.job_id);
  return body;
}

async function input(jobId: string): Promise<string> {
  const { body } = await muster.get(`/v1/background_jobs/${jobId}/results?as=input`).buffer().parse(readText);
  return body as string;
}

describe.each(Object.keys(BODIES) as Type[])('A row of several megabytes, sent as %s', (type) => {
  it('is refused with row_too_large, the others are stored, and the input is given back byte for byte', async () => {
    const job = await imported(type);
    const results = await muster.results(job.job_id);
    const codes = results.map(({ errors, outcome }) => errors[0]?.code ?? outcome);
    expect(new Set(codes)).toEqual(new Set(['created', 'row_too_large']));
    const isSame = (await input(job.job_id)) === inputOf(type);
    expect(isSame).toBe(true);
  });

  it('goes whole into a retry', async () => {
    const parent = await imported(type);
    const answer = await muster.post(`/v1/background_jobs/${parent.job_id}/retry`).expect(202);
    await muster.finished(answer.body.job_id);
    const [header = '', ...rows] = type === 'text/csv' ? BODIES[type] : ['', ...BODIES[type]];
    const long = rows.filter((row) => row.length > MB).map((row) => `${row.replace(/\r?\n$/, '')}\n`);
    const isSame = (await input(answer.body.job_id)) === [header, ...long].join('');
    expect(isSame).toBe(true);
    expect(answer.body.file_size).toBe(Buffer.byteLength(long.map((row) => row.slice(0, -1)).join('')));
  });
});

it('An upload that is refused leaves nothing of its long rows', async () => {
  const before = await traces(muster);
  await muster
    .post()
    .set('Content-Type', 'application/json')
    .send(`[{"user_id":"long","metadata":{"text":"${text(6 * MB)}"}},`)
    .expect(400);
  expect(await traces(muster)).toEqual(before);
});
