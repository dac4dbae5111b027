/** CSV, NDJSON and JSON are spellings of the same import; CSV as a file and as a body. */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Muster, startMuster, unique, type WireJob } from '../support/muster';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

async function importBody(type: string, body: Buffer | string, key?: string): Promise<WireJob> {
  const answer = await muster
    .post(undefined, key)
    .set('Content-Type', type)
    .serialize((bytes) => bytes)
    .send(body as string)
    .expect(202);
  return muster.finished(answer.body.job_id, key);
}

async function importFile(name: string, text: string, contentType: string): Promise<WireJob> {
  const file = { filename: name, contentType };
  const { body } = await muster.post().attach('file', Buffer.from(text), file).expect(202);
  return muster.finished(body.job_id);
}

async function resultsOf(jobId: string): Promise<unknown[]> {
  const { rows } = await muster.store.pool.query(
    `SELECT r.row, s.line, r.id, r.outcome, r.errors->0->>'code' AS code, r.errors->0->>'path' AS path
     FROM row_results r JOIN staged_rows s USING (environment_id, job_id, row) WHERE job_id = $1 ORDER BY r.row`,
    [jobId],
  );
  return rows;
}

const user = async (id: string, key?: string) =>
  (await muster.get(`/v1/users/${encodeURIComponent(id)}`, key).expect(200)).body;

describe('a CSV', () => {
  it('names the id, the company and the metadata in its header; all values are strings, empty cells are left out', async () => {
    const csv = [
      '\ufeffplan,user_id,company_id,seats,note',
      'pro,csv1,c1,007,',
      'free,csv2,,"1,5","two\r\nlines, and ""quotes"""',
      '',
      'x,csv3,,true,2026-02-02',
    ].join('\r\n');
    const job = await importFile('users.csv', csv, 'application/octet-stream');
    expect(job).toMatchObject({ status: 'completed', created_rows: 3, filename: 'users.csv', total_rows: 3 });
    expect(await user('csv1')).toMatchObject({ company_id: 'c1', metadata: { plan: 'pro', seats: '007' } });
    expect(await user('csv2')).toMatchObject({
      company_id: null,
      metadata: { plan: 'free', seats: '1,5', note: 'two\r\nlines, and "quotes"' },
    });
    expect((await user('csv3')).metadata).toEqual({ plan: 'x', seats: 'true', note: '2026-02-02' });
    expect(await resultsOf(job.job_id)).toMatchObject([{ line: 2 }, { line: 3 }, { line: 6 }]);
  });

  it('is known by the type of its part too, and is accepted as a body, also gzipped', async () => {
    const csv = (id: string) => `user_id,a\n${id},1\n`;
    expect((await importFile('export', csv('csv4'), 'text/csv')).created_rows).toBe(1);
    expect(await importBody('text/csv; charset=utf-8', csv('csv5'))).toMatchObject({
      created_rows: 1,
      filename: '',
    });
    const answer = await muster
      .post()
      .set({ 'Content-Type': 'text/csv', 'Content-Encoding': 'gzip' })
      .serialize((bytes) => bytes)
      .send(gzipSync(csv('csv6')) as never)
      .expect(202);
    expect((await muster.finished(answer.body.job_id)).created_rows).toBe(1);
    expect(await user('csv6')).toMatchObject({ metadata: { a: '1' } });
  });

  it('of companies has the id company_id', async () => {
    const { body } = await muster
      .post('/v1/companies/bulk_identify')
      .set('Content-Type', 'text/csv')
      .send('company_id,name\ncsvco,Example\n')
      .expect(202);
    await muster.finished(body.job_id);
    const company = await muster.get('/v1/companies/csvco').expect(200);
    expect(company.body.metadata).toEqual({ name: 'Example' });
  });

  it.each([
    ['without a column that may be the id', 'Benutzer,a\n1,2\n', 'missing_users'],
    ['that is JSON without rows', '{"users":[]}', 'empty_import'],
    ['with broken quotes in its header', '"user_id,a\n1,2', 'missing_users'],
    ['with a header of more than 1 MiB', `user_id,${'x'.repeat(1024 * 1024)}\nu,1`, 'missing_users'],
    ['of a header only', 'user_id,a\n', 'empty_import'],
    ['of nothing', '\n\r\n', 'empty_import'],
  ])('%s is refused', async (_, csv, code) => {
    const { body } = await muster.post().set('Content-Type', 'text/csv').send(csv).expect(400);
    expect(body.errors[0].error_code).toBe(code);
  });

  it('fails the records that are wrong, with a reason, and no other', async () => {
    const bytes = Buffer.concat([
      Buffer.from(
        'user_id,a,__proto__\ngood1,1,x\nshort,1\nlong,1,2,3\n,no id,\nbad"quote\n,same quote",1\n',
      ),
      Buffer.from([0x75, 0xff, 0x2c, 0x2c, 0x0a]),
      Buffer.from('good2,2,y\n'),
    ]);
    const job = await importBody('text/csv', bytes);
    expect(job).toMatchObject({ status: 'completed', created_rows: 4, failed_rows: 4, total_rows: 8 });
    expect(await resultsOf(job.job_id)).toMatchObject([
      { id: 'good1', outcome: 'created' },
      { id: 'short', outcome: 'created', line: 3 },
      { code: 'too_many_cells', line: 4 },
      { code: 'id_missing', line: 5 },
      { id: 'bad"quote', outcome: 'created', line: 6 },
      { code: 'id_missing', line: 7 },
      { code: 'invalid_encoding', line: 8 },
      { id: 'good2', outcome: 'created', line: 9 },
    ]);
    const { text } = await muster.get('/v1/users/good1').expect(200);
    expect(text).toContain('"__proto__": "x"');
  });
});

describe('for any rows', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
    fc.constantFrom('a', 'b', ' a', '"', 'x,y', 'two\nlines', '007', 'true', 'é', '__proto__', '=1+1'),
  );
  const id = fc.constantFrom('a', 'b', 'c', ' a', 'ü', 'x,y', 'q"q');
  const row = fc.record({ id, plan: text, note: text });

  it('JSON, NDJSON file, NDJSON body and CSV give the same users and outcomes, and again only unchanged ones', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 12 }), async (rows) => {
        const users = rows.map(({ id: user_id, plan, note }) => ({ user_id, metadata: { plan, note } }));
        const ndjson = users.map((one) => JSON.stringify(one)).join('\n');
        const quote = (cell: string) => `"${cell.replaceAll('"', '""')}"`;
        const csv = [
          'note,user_id,plan',
          ...rows.map((r) => [r.note, r.id, r.plan].map(quote).join(',')),
        ].join('\n');
        const ways: [string, string][] = [
          ['application/json', JSON.stringify({ users })],
          ['application/json', JSON.stringify(users)],
          ['application/x-ndjson', ndjson],
          ['text/csv', csv],
        ];
        const seen: unknown[] = [];
        for (const [type, body] of ways) {
          const { key } = await muster.addEnvironment(`any-${unique()}`);
          const first = await importBody(type, body, key);
          const again = await importBody(type, body, key);
          const stored = (await muster.get('/v1/users', key).expect(200)).body as Record<string, unknown>[];
          const outcomes = ((await resultsOf(first.job_id)) as { outcome: string }[]).map((r) => r.outcome);
          seen.push([stored.map(({ user_id, metadata }) => [user_id, metadata]), outcomes]);
          // Rows of one id that differ change it again and again; the last state is the same.
          if (new Set(rows.map((r) => r.id)).size === rows.length)
            expect(again.unchanged_rows).toBe(again.completed_rows - again.failed_rows);
        }
        for (const one of seen) expect(one).toEqual(seen[0]);
      }),
      { numRuns: 8 },
    );
  });
});
