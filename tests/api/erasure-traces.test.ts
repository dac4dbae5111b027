/**
 * Nothing is left of somebody who was erased: from the 202 on no answer, no retry and no replay shows their id or values,
 * also not those of rows whose id could not be read; soon after, no table of any schema holds them.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, startMuster, type WireResult } from '../support/muster';
import { findTraces } from '../support/traces';
import { waitFor } from '../support/wait';
import { putExamples, send as sendJson } from './jean/jean';

const ID = 'zq-Erased_7@id';
const EMAIL = 'zora.quill@secret.example';
const PHONE = '+49 170 5550199';
const NAME = 'Zora Quill';
/** Each is looked for in every answer and every table. */
const CANARIES = [ID, EMAIL, PHONE, NAME];

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

const METADATA = { email: EMAIL, phone: PHONE, name: NAME, plan: 'pro' };
const GOOD = { user_id: ID, metadata: METADATA };
const escaped = (text: string) =>
  [...text].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');

/** Rows whose id cannot be read and that are about the person, by what is wrong with them. */
const UNREADABLE: Record<string, string | Buffer> = {
  'broken JSON': `{"user_id":"${ID}","metadata":{"email":`,
  'broken JSON with the id in escapes': `{"user_id":"${escaped(ID)}","metadata":`,
  'an id of a wrong type, and the e-mail address': `{"user_id":4711,"metadata":{"email":"${EMAIL}"}}`,
  'no id, and the e-mail address in capitals': `{"metadata":{"email":"${EMAIL.toUpperCase()}"}}`,
  'no id, and the telephone number': `{"metadata":{"phone":"${PHONE}"}}`,
  'an id that is an object': `{"user_id":{"id":"${ID}"}}`,
  'an id in the wrong key': `{"userId":"${ID}"}`,
  'bytes that are no UTF-8': Buffer.from(`{"user_id":"${ID}","metadata":{"city":"M\u00fcnchen"}}`, 'latin1'),
  'UTF-16': Buffer.from(`{"user_id":"${ID}"}`, 'utf16le'),
  'no object': `["${ID}","${NAME}"]`,
  'a form': `user_id=${encodeURIComponent(ID)}&name=Zora+Quill`,
  'too large a row': `{"user_id":"${ID}","metadata":{"text":"${'x'.repeat(1_100_000)}"}}`,
  'too large a row, with the id at its end': `{"metadata":{"text":"${'x'.repeat(1_100_000)}"},"user_id":"${ID}"}`,
  'a row of many pieces, with the id in a later one': `{"metadata":{"text":"${'y'.repeat(1_800_000)}","id":"${ID}","more":"${'z'.repeat(300_000)}"}}`,
  'JSON within JSON': `{"user_id":7,"payload":"{\\"user_id\\":\\"${ID}\\"}"`,
};

/** Rows of others: they stay as they are. */
const OTHERS = [
  '{"user_id":"zq-Erased_7@ID","metadata":',
  '{"user_id":"zq-Erased_77@id","metadata":',
  '{"user_id":12,"metadata":{"email":"other@secret.example","plan":"pro"}}',
  'not JSON',
];

const lines = (rows: (string | Buffer)[]) =>
  Buffer.concat(rows.flatMap((row) => [Buffer.from(row), Buffer.from('\n')]));

async function erase(ids: string[], collection = 'users', key = muster.key): Promise<Response> {
  return fetch(`${muster.url}/v1/${collection}`, {
    method: 'DELETE',
    headers: { Authorization: `Token ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ [collection]: ids }),
  });
}

async function read(path: string, key = muster.key, headers: Record<string, string> = {}): Promise<string> {
  const answer = await fetch(`${muster.url}${path}`, {
    headers: { Authorization: `Token ${key}`, ...headers },
  });
  expect(answer.status).toBe(200);
  return Buffer.from(await answer.arrayBuffer()).toString('latin1');
}

/** Everything that can be read of a job. */
async function readAll(jobId: string, key = muster.key): Promise<string> {
  const job = `/v1/background_jobs/${jobId}`;
  const answers = [
    await read(job, key),
    await read(`${job}/results`, key),
    await read(`${job}/results`, key, { Accept: 'text/csv' }),
    await read(`${job}/results?as=input`, key),
    await read(`${job}/results?as=input&outcome=failed,unprocessed`, key),
    await read(`${job}/events`, key),
  ];
  return answers.join('\n');
}

function expectNoCanary(text: string): void {
  expect(text.toLowerCase().includes(EMAIL)).toBe(false);
  for (const canary of CANARIES) {
    // The whole text would fill screens.
    const at = text.indexOf(canary);
    expect(at === -1 ? '' : text.slice(Math.max(0, at - 200), at + 100)).toBe('');
    expect(text.includes(escaped(canary))).toBe(false);
    expect(text.includes(encodeURIComponent(canary))).toBe(false);
    expect(text.includes(Buffer.from(canary, 'utf16le').toString('latin1'))).toBe(false);
  }
}

async function expectNoTrace(): Promise<void> {
  for (const canary of CANARIES) {
    await waitFor(`the last trace of ${canary}`, async () => {
      return (await findTraces(muster.store.pool, canary)).length === 0;
    });
  }
}

describe('from the 202 on', () => {
  it('no answer, no retry and no replay shows the person, and soon no table does', async () => {
    const { key, environmentId } = await muster.addEnvironment('traces');
    const unreadable = Object.values(UNREADABLE);
    const file = lines([
      JSON.stringify(GOOD),
      `{"user_id":"${ID}","metadata":{"email":["${EMAIL}"]}}`,
      ...unreadable,
      ...OTHERS,
      '{"user_id":"stays"}',
    ]);
    const send = () =>
      muster
        .post(undefined, key)
        .set('Idempotency-Key', `import of ${ID}`)
        .attach('file', file, `${ID}.ndjson`);
    const { body: sent } = await send().expect(202);
    const job = await muster.finished(sent.job_id, key);
    const csv = `user_id,email,phone\n${ID},${EMAIL},${PHONE}\n${ID},"${EMAIL},x\n`;
    const { body: table } = await muster
      .post(undefined, key)
      .attach('file', Buffer.from(csv), `export ${EMAIL}.csv`)
      .expect(202);
    await muster.finished(table.job_id, key);
    // The same rows at the wrong address: there they have no id.
    const { body: strayed } = await muster
      .post('/v1/companies/bulk_identify', key)
      .attach('file', lines([JSON.stringify(GOOD), '{"company_id":"acme"}']), 'c.ndjson')
      .expect(202);
    await muster.finished(strayed.job_id, key);
    const { body: dry } = await muster
      .post('/v1/users/bulk_identify?dry_run=true', key)
      .send({ users: [GOOD] })
      .expect(202);
    await muster.finished(dry.job_id, key);
    // A key of the metadata, and one that is ignored, that are the e-mail address.
    const odd = await muster.importRows(
      [{ user_id: ID, metadata: { [EMAIL]: 'yes' }, [`old ${EMAIL}`]: 1 }],
      key,
    );
    // What a domain knows of them, in every form.
    await putExamples(muster, { key });
    const context = `${NAME} (${EMAIL}, ${PHONE}) lives in Berlin and works as a nurse.`;
    const fields = { location: NAME, interests: [EMAIL], [PHONE]: ID };
    for (const domain of ['dating', 'hiring']) {
      const user = { user_id: ID, domain, context, fields, memory_ref: `mem://${encodeURIComponent(ID)}` };
      expect((await sendJson(muster, 'POST', '/v1/users', user, { key })).status).toBe(200);
    }
    expect(await findTraces(muster.store.pool, NAME)).toContain('public.domain_users');
    expect(await findTraces(muster.store.pool, NAME)).toContain('public.domain_contexts');
    const jobs = [job.job_id, table.job_id, strayed.job_id, dry.job_id, odd.job_id];
    expect(await read(`/v1/background_jobs?user_id=${encodeURIComponent(ID)}`, key)).toContain(job.job_id);

    expect((await erase([ID], 'users', key)).status).toBe(202);

    const check = async () => {
      for (const id of jobs) expectNoCanary(await readAll(id, key));
      expectNoCanary(await read('/v1/background_jobs?limit=100', key));
      expect(await read(`/v1/background_jobs?user_id=${encodeURIComponent(ID)}`, key)).toBe('[]');
      expectNoCanary(await read('/v1/users', key));
      const { body: replayed } = await send().expect(202).expect('Idempotent-Replayed', 'true');
      expect(replayed.job_id).toBe(job.job_id);
      expectNoCanary(JSON.stringify(replayed));
      const results = await muster.results(job.job_id, '', key);
      expect(results).toHaveLength(3 + unreadable.length + OTHERS.length);
      const others = results.filter(({ erased }) => !erased);
      expect(others).toHaveLength(OTHERS.length + 1);
      for (const { id, errors } of results.filter(({ erased }) => erased))
        expect([id, errors]).toEqual([null, []]);
      const input = await read(`/v1/background_jobs/${job.job_id}/results?as=input`, key);
      expect(input).toBe(lines([...OTHERS, '{"user_id":"stays"}']).toString());
    };
    await check();
    const { body: again } = await muster.post(`/v1/background_jobs/${job.job_id}/retry`, key).expect(202);
    const child = await muster.finished(again.job_id, key);
    expect(child.total_rows).toBe(OTHERS.length);
    jobs.push(child.job_id);
    await check();
    await expectNoTrace();
    await check();
    const { rows } = await muster.store.pool.query('SELECT FROM erasures WHERE environment_id = $1', [
      environmentId,
    ]);
    expect(rows).toEqual([]);
    // Who comes later by this id is somebody else.
    const later = await muster.importRows([{ user_id: ID, metadata: { plan: 'new' } }], key);
    expect(await muster.results(later.job_id, '', key)).toEqual([
      expect.objectContaining({ id: ID, outcome: 'created' }),
    ]);
    await erase([ID], 'users', key);
    await expectNoTrace();
  });

  it.each(Object.entries(UNREADABLE))('a row with %s is not shown', async (_, row) => {
    const { key } = await muster.addEnvironment(`unreadable-${Math.random().toString(36).slice(2)}`);
    await muster.importRows([GOOD], key);
    // Behind the beginning, by which a file of another kind is known and refused as a whole.
    const first = JSON.stringify({ user_id: 'first', metadata: { text: 'x'.repeat(1_000) } });
    const job = await muster.importNdjson(lines([first, row, '{"user_id":"stays"}']), key);
    await erase([ID], 'users', key);
    expect(await muster.results(job.job_id, '', key)).toEqual([
      expect.objectContaining({ id: 'first' }),
      { row: 2, line: 2, id: null, outcome: 'failed', errors: [], erased: true },
      expect.objectContaining({ id: 'stays' }),
    ]);
  });

  it('a job that was accepted before and is not done does not bring the person back, whenever its rows are applied', async () => {
    const { key, environmentId } = await muster.addEnvironment('before');
    await muster.store.pool.query('UPDATE environments SET users_per_minute = 3000 WHERE id = $1', [
      environmentId,
    ]);
    const fillers = Array.from({ length: 300 }, (_, n) => `{"user_id":"f${n}"}`);
    const rows = [
      JSON.stringify(GOOD),
      ...fillers,
      JSON.stringify(GOOD),
      `{"user_id":"${ID}"`,
      '{"user_id":"last"}',
    ];
    const { body } = await muster.post(undefined, key).attach('file', lines(rows), 'u.ndjson').expect(202);
    const { body: waiting } = await muster
      .post('/v1/users/bulk_identify?on_busy=queue', key)
      .send({ users: [GOOD, { user_id: 'other' }] })
      .expect(202);
    await waitFor(
      'the first rows',
      async () => (await muster.get(`/v1/background_jobs/${body.job_id}`, key)).body.created_rows > 0,
    );
    await erase([ID], 'users', key);
    expectNoCanary(await readAllOfRunning(body.job_id, key));
    expectNoCanary(await readAllOfRunning(waiting.job_id, key));
    await muster.finished(body.job_id, key);
    await muster.finished(waiting.job_id, key);
    await muster.get(`/v1/users/${encodeURIComponent(ID)}`, key).expect(404);
    await muster.get('/v1/users/last', key).expect(200);
    await muster.get('/v1/users/other', key).expect(200);
    expectNoCanary(await readAll(body.job_id, key));
    expectNoCanary(await readAll(waiting.job_id, key));
    await expectNoTrace();
  });

  it.each(['erased', 'ndjson', 'users', '.', '%', '\\', '(', '"'])(
    'an id such as %j ends, too',
    async (id) => {
      const { key, environmentId } = await muster.addEnvironment(
        `odd-${Math.random().toString(36).slice(2)}`,
      );
      await muster.importNdjson(
        lines([JSON.stringify({ user_id: id }), 'not JSON', '{"user_id":"stays"}']),
        key,
      );
      expect((await erase([id], 'users', key)).status).toBe(202);
      await waitFor('the end of the walk', async () => {
        const left = 'SELECT FROM erasures WHERE environment_id = $1';
        return (await muster.store.pool.query(left, [environmentId])).rowCount === 0;
      });
      await read('/v1/background_jobs', key);
      await muster.get('/v1/users/stays', key).expect(200);
    },
  );

  it('an import that comes while older rows are still being scrubbed is kept and shown', async () => {
    const { key } = await muster.addEnvironment('after');
    const before = await muster.importRows([GOOD], key);
    await erase([ID], 'users', key);
    const after = await muster.importRows([{ user_id: ID }, { user_id: 17, metadata: { note: ID } }], key);
    const shown = async () => [
      (await muster.results(before.job_id, '', key)).map(({ id }: WireResult) => id),
      (await muster.results(after.job_id, '', key)).map(({ id, erased }: WireResult) => [id, erased]),
      (await muster.get(`/v1/users/${encodeURIComponent(ID)}`, key)).status,
    ];
    const expected = [
      [null],
      [
        [ID, undefined],
        [null, undefined],
      ],
      200,
    ];
    expect(await shown()).toEqual(expected);
    await waitFor('the end of the walk', async () => {
      return (await muster.store.pool.query('SELECT FROM erasures')).rowCount === 0;
    });
    expect(await shown()).toEqual(expected);
    await erase([ID], 'users', key);
    await expectNoTrace();
  });
});

/** Like readAll, without what goes on until the job's end. */
async function readAllOfRunning(jobId: string, key: string): Promise<string> {
  const job = `/v1/background_jobs/${jobId}`;
  return [
    await read(job, key),
    await read(`${job}/results`, key),
    await read(`${job}/results?as=input`, key),
  ].join('\n');
}
