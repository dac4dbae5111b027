/** What an import may be told beside its rows: dry run, metadata=replace, create or update only. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, startMuster, type WireJob } from '../support/muster';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster({ usersPerMinute: 1_200 });
});
afterAll(() => muster.close());

const path = (query: string, collection = 'users') => `/v1/${collection}/bulk_identify?${query}`;

async function importRows(query: string, rows: unknown[], collection = 'users'): Promise<WireJob> {
  const { body } = await muster
    .post(path(query, collection))
    .send({ [collection]: rows })
    .expect(202);
  return muster.finished(body.job_id);
}

async function outcomes(job: WireJob): Promise<string[]> {
  return (await muster.results(job.job_id)).map(({ outcome, errors }) => errors[0]?.code ?? outcome);
}

describe('a dry run', () => {
  const ROWS = [
    { user_id: 'dry1', metadata: { plan: 'pro' } },
    { user_id: 'dry1', metadata: { plan: 'pro' } },
    { user_id: 'dry1', metadata: { plan: 'free', age: 'old' } },
    { user_id: 'dry2', company_id: 'c' },
    { user_id: '' },
    { user_id: 'dry3', metadata: { plan: 'pro' }, extra: 1 },
  ];

  it('says of every row what would happen, and writes nothing', async () => {
    await muster.importRows([
      { user_id: 'dry2', company_id: 'c' },
      { user_id: 'dry3', metadata: { age: 7 } },
    ]);
    const tables = ['users', 'companies', 'properties'];
    const contents = () =>
      Promise.all(
        tables.map(async (table) => (await muster.store.pool.query(`SELECT t.*, xmin FROM ${table} t`)).rows),
      );
    const before = await contents();
    const job = await importRows('dry_run=true', ROWS);
    expect(await contents()).toEqual(before);
    expect(job).toMatchObject({
      status: 'completed',
      dry_run: true,
      total_rows: 6,
      completed_rows: 6,
      created_rows: 1,
      updated_rows: 2,
      unchanged_rows: 2,
      failed_rows: 1,
    });
    expect(job.warnings).toEqual([
      expect.objectContaining({ code: 'repeated_ids', path: 'user_id', rows: 3, ids: 1 }),
      expect.objectContaining({ code: 'type_changed', path: 'metadata.age', rows: 1 }),
      expect.objectContaining({ code: 'unknown_key_ignored', path: 'extra', rows: 1 }),
    ]);
    const foretold = await outcomes(job);
    expect(foretold).toEqual(['created', 'unchanged', 'updated', 'unchanged', 'id_missing', 'updated']);
    expect((await muster.store.pool.query('SELECT FROM dry_run_profiles')).rows).toEqual([]);
    expect(await outcomes(await importRows('dry_run=false', ROWS))).toEqual(foretold);
  });

  it('takes no slot and is not throttled: it ends while an import runs, and lets one begin', async () => {
    const { body: running } = await muster
      .post()
      .send(Array.from({ length: 100 }, (_, n) => ({ user_id: `slow${n}` })))
      .expect(202);
    // Far beyond the throttle: at 1,200 a minute this would take more than two minutes.
    const job = await importRows(
      'dry_run=true',
      Array.from({ length: 3_000 }, (_, n) => ({ user_id: `dry-${n}` })),
    );
    expect(job).toMatchObject({ status: 'completed', created_rows: 3_000 });
    const { body } = await muster.get(`/v1/background_jobs/${running.job_id}`);
    expect(body.end_time).toBeNull();
    await muster.post(`/v1/background_jobs/${running.job_id}/cancel`).expect(202);
  });

  it('of which no row would be applied fails as the import would', async () => {
    expect(await importRows('dry_run=true', [{ user_id: 1 }])).toMatchObject({
      status: 'failed',
      error: { code: 'no_rows_applied' },
    });
  });
});

it('metadata=replace makes the metadata what is sent; merge keeps what is not sent', async () => {
  const read = async () => (await muster.get('/v1/users/replaced')).body;
  await importRows('metadata=merge', [{ user_id: 'replaced', company_id: 'c', metadata: { a: 1, b: 2 } }]);
  await importRows('metadata=merge', [{ user_id: 'replaced', metadata: { b: 3, c: 4 } }]);
  expect(await read()).toMatchObject({ metadata: { a: 1, b: 3, c: 4 } });
  const job = await importRows('metadata=replace', [
    { user_id: 'replaced', metadata: { d: 5, e: null } },
    { user_id: 'replaced', metadata: { d: 5 } },
    { user_id: 'replaced' },
  ]);
  expect(await outcomes(job)).toEqual(['updated', 'unchanged', 'updated']);
  expect(await read()).toMatchObject({ company_id: 'c', metadata: {} });
});

describe.each([
  ['users', 'user_id'],
  ['companies', 'company_id'],
])('of %s', (collection, idKey) => {
  it('create_only refuses rows whose id is stored already, also by an earlier row', async () => {
    await importRows('', [{ [idKey]: 'there', metadata: { v: 0 } }], collection);
    const job = await importRows(
      'existing=create_only',
      ['there', 'new', 'new'].map((id, n) => ({ [idKey]: id, metadata: { v: n + 1 } })),
      collection,
    );
    expect(await outcomes(job)).toEqual(['already_exists', 'created', 'already_exists']);
    expect(job).toMatchObject({ status: 'completed', created_rows: 1, failed_rows: 2 });
    const [refused] = await muster.results(job.job_id, '?outcome=failed');
    expect(refused).toMatchObject({ id: 'there', errors: [{ path: idKey, message: expect.any(String) }] });
    expect((await muster.get(`/v1/${collection}/there`)).body.metadata).toEqual({ v: 0 });
    expect((await muster.get(`/v1/${collection}/new`)).body.metadata).toEqual({ v: 2 });
  });

  it('update_only refuses rows whose id is not stored', async () => {
    const job = await importRows(
      'existing=update_only',
      ['there', 'absent', 'absent', 'there'].map((id) => ({ [idKey]: id, metadata: { v: 9 } })),
      collection,
    );
    expect(await outcomes(job)).toEqual(['updated', 'does_not_exist', 'does_not_exist', 'unchanged']);
    await muster.get(`/v1/${collection}/absent`).expect(404);
  });
});

describe('objects and arrays as metadata values', () => {
  const ROW = {
    user_id: 'nested',
    metadata: { plan: 'pro', address: { city: 'Bern', zip: 3000 }, tags: ['a', { b: null }], empty: {} },
  };

  const stored = async () => (await muster.get('/v1/users/nested')).body.metadata;

  it('fail the row unless it is asked otherwise', async () => {
    const job = await importRows('', [ROW]);
    expect(job).toMatchObject({ status: 'failed', failed_rows: 1, warnings: [] });
  });

  it('are left out with a warning under nested=ignore, also in a dry run', async () => {
    const warnings = [
      { code: 'nested_value_ignored', path: 'metadata.address', rows: 2 },
      { code: 'nested_value_ignored', path: 'metadata.empty', rows: 2 },
      { code: 'nested_value_ignored', path: 'metadata.tags', rows: 2 },
      { code: 'repeated_ids', path: 'user_id', rows: 2, ids: 1 },
    ];
    for (const query of ['nested=ignore&dry_run=true', 'nested=ignore']) {
      const job = await importRows(query, [ROW, { ...ROW, company_id: 'c' }]);
      expect(job).toMatchObject({ created_rows: 1, updated_rows: 1, warnings });
    }
    expect(await stored()).toEqual({ plan: 'pro' });
  });

  it('become keys of their own under nested=flatten, with every digit', async () => {
    const row =
      '{"user_id":"nested","metadata":{"a":{"big":9007199254740993,"list":[0.10]},"__proto__":{"x":1}}}';
    const { body } = await muster
      .post(path('nested=flatten'))
      .set('Content-Type', 'application/json')
      .send(`[${row}]`);
    expect(await muster.finished(body.job_id)).toMatchObject({ updated_rows: 1, warnings: [] });
    const text = await muster
      .get('/v1/users/nested')
      .buffer(true)
      .parse((res, done) => {
        let all = '';
        res.on('data', (chunk: Buffer) => {
          all += chunk;
        });
        res.on('end', () => done(null, all));
      });
    expect(text.body).toContain('"a.big": 9007199254740993');
    expect(text.body).toContain('"a.list.0": 0.10');
    expect(text.body).toContain('"__proto__.x": 1');
  });

  it('refuses a row that is flattened into more keys than a row may have', async () => {
    const metadata = { list: Array.from({ length: 1_001 }, (_, n) => n) };
    const job = await importRows('nested=flatten', [{ user_id: 'wide', metadata }]);
    expect(await outcomes(job)).toEqual(['metadata_too_large']);
  });
});
