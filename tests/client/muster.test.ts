/** The client against a whole Muster. */
import { text as textOf } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Client, createClient, isFinished, type RowResult } from '#client/index';
import { type Muster, startMuster, unique } from '../support/muster';
import { all, finish } from './support/collect';

let muster: Muster;
let client: Client;
beforeAll(async () => {
  muster = await startMuster({ maxRows: 3_000 });
  client = createClient({ url: muster.url, apiKey: muster.key });
});
afterAll(() => muster.close());

it('rows are imported, watched to the end, and read back one by one and all', async () => {
  const company = `c-${unique()}`;
  const rows = Array.from({ length: 1_200 }, (_, n) => ({
    user_id: `${company}-${String(n).padStart(4, '0')}`,
    company_id: company,
    metadata: { n, name: `Zoë ${n}` },
  }));
  const accepted = await client.importUsers(rows, { filename: 'zoë.ndjson' });
  expect(accepted).toMatchObject({
    type: 'bulk_identify_users',
    filename: 'zoë.ndjson',
    total_rows: 1_200,
  });

  const seen = await all(client.watch(accepted.job_id));
  expect(seen.at(-1)).toMatchObject({ status: 'completed', created_rows: 1_200, error: null });
  const done = seen.map((job) => job.completed_rows);
  expect(done).toEqual([...done].sort((a, b) => a - b));
  expect(seen.filter(isFinished)).toHaveLength(1);

  expect(await client.user(rows[7]?.user_id ?? '')).toMatchObject({
    ...rows[7],
    last_job_id: accepted.job_id,
  });
  const users = await all(client.users({ companyId: company }));
  expect(users.map(({ user_id, company_id, metadata }) => ({ user_id, company_id, metadata }))).toEqual(rows);
});

it('users and companies are found by the beginning of an id, users by their e-mail address too', async () => {
  const tag = unique();
  const rows = [`${tag}-1`, `${tag}-2`].map((id) => ({
    user_id: id,
    metadata: { email: `E${id}@example.com` },
  }));
  await finish(client, await client.importUsers(rows));
  await finish(client, await client.importCompanies([{ company_id: `${tag}-c` }]));
  const found = async (search: string) => (await all(client.users({ search }))).map(({ user_id: id }) => id);
  expect(await found(tag)).toEqual([`${tag}-1`, `${tag}-2`]);
  expect(await found(`e${tag}-2@EXAMPLE.com`)).toEqual([`${tag}-2`]);
  expect(await textOf(await client.usersNdjson({ search: `${tag}-2` }))).toContain(`"${tag}-2"`);
  expect(await all(client.companies({ search: tag }))).toMatchObject([{ company_id: `${tag}-c` }]);
  expect(await textOf(await client.companiesNdjson({ search: `no-${tag}` }))).toBe('');
});

it('users come as the service writes them, with every digit', async () => {
  const id = unique();
  const row = `{"user_id":"${id}","metadata":{"big":12345678901234567890.10}}`;
  await finish(client, await client.importUsers(`${row}\n`));
  const ndjson = await textOf(await client.usersNdjson({ userId: id }));
  expect(ndjson).toContain('"big": 12345678901234567890.10');
  expect(ndjson.trimEnd().split('\n')).toHaveLength(1);
  expect(await textOf(await client.companiesNdjson({ companyId: id }))).toBe('');
});

it('each row has its result, in the order of the input, and the failed ones their reasons', async () => {
  const tag = unique();
  const file = `{"user_id":"${tag}"}\n\n{"user_id":7}\n{"user_id":"${tag}","metadata":{"a":[1]}}\n{"user_id":"${tag}"}\n`;
  const job = await finish(client, await client.importUsers(file));
  const results = await all(client.results(job.job_id));
  expect(results.map(({ row, line, outcome }) => [row, line, outcome])).toEqual([
    [1, 1, 'created'],
    [2, 3, 'failed'],
    [3, 4, 'failed'],
    [4, 5, 'unchanged'],
  ]);
  const failed: RowResult[] = await all(client.results(job.job_id, { outcome: 'failed' }));
  expect(failed.map(({ row, errors }) => [row, errors[0]?.code])).toEqual([
    [2, 'id_invalid'],
    [3, 'metadata_value_invalid'],
  ]);
  const some = await all(client.results(job.job_id, { outcome: ['created', 'unchanged'] }));
  expect(some.map(({ row }) => row)).toEqual([1, 4]);
  expect(await all(client.results(job.job_id, { outcome: 'unprocessed' }))).toEqual([]);
  const csv = await textOf(await client.resultsCsv(job.job_id, { outcome: 'failed' }));
  expect(csv.trimEnd().split('\n')).toHaveLength(3);
});

it('the failed rows come back as they were sent, and can be mended and imported again, in NDJSON and CSV', async () => {
  const tag = unique();
  const bad = `{"user_id": 7,  "metadata":{"n":9007199254740993}}`;
  const job = await finish(client, await client.importUsers(`{"user_id":"${tag}"}\n${bad}\n`));
  const { format, stream } = await client.input(job.job_id, { outcome: 'failed' });
  const lines = await textOf(stream);
  expect([format, lines]).toEqual(['ndjson', `${bad}\n`]);
  const mended = lines.replace('7', `"${tag}-7"`);
  expect(await finish(client, await client.importUsers(mended, { format }))).toMatchObject({
    created_rows: 1,
  });

  const csv = `user_id,plan\n${tag}-a,"pro, yearly"\n,basic\n`;
  const second = await finish(client, await client.importUsers(csv, { format: 'csv' }));
  expect(second).toMatchObject({ created_rows: 1, failed_rows: 1, filename: 'users.csv' });
  const input = await client.input(second.job_id);
  expect([input.format, await textOf(input.stream)]).toEqual(['csv', csv]);
  // The stream itself can be imported.
  const again = await client.input(second.job_id, { outcome: 'created' });
  const third = await client.importUsers(again.stream, { format: again.format });
  expect(await finish(client, third)).toMatchObject({ unchanged_rows: 1, failed_rows: 0 });
});

it('a JSON body is imported', async () => {
  const body = JSON.stringify({ users: [{ user_id: unique() }, { user_id: unique() }] });
  const job = await client.importUsers(body, { format: 'json' });
  expect(await finish(client, job)).toMatchObject({ created_rows: 2, filename: '' });
});

it('companies are imported, read back and erased', async () => {
  const id = `c/${unique()}`;
  const job = await client.importCompanies([{ company_id: id, metadata: { plan: 'pro' } }]);
  expect(await finish(client, job)).toMatchObject({ type: 'bulk_identify_companies', created_rows: 1 });
  expect(await client.company(id)).toMatchObject({ company_id: id, metadata: { plan: 'pro' } });
  expect((await all(client.companies())).map((company) => company.company_id)).toContain(id);
  expect(await client.deleteCompanies([id])).toBe(1);
  await expect(client.company(id)).rejects.toMatchObject({ code: 'company_not_found' });
});

it('users are erased, whatever their ids are made of, and counted', async () => {
  const ids = ['..', '.', `a/b?c#d%2F-${unique()}`];
  await finish(client, await client.importUsers(ids.map((user_id) => ({ user_id }))));
  for (const id of ids) expect(await client.user(id)).toMatchObject({ user_id: id });
  expect(await client.deleteUsers([...ids, 'never stored'])).toBe(3);
  for (const id of ids) await expect(client.user(id)).rejects.toMatchObject({ code: 'user_not_found' });
});

it('a dry run says what would happen and writes nothing', async () => {
  const id = unique();
  const job = await finish(client, await client.importUsers([{ user_id: id }], { dryRun: true }));
  expect(job).toMatchObject({ dry_run: true, status: 'completed', created_rows: 1 });
  await expect(client.user(id)).rejects.toMatchObject({ code: 'user_not_found' });
});

it('the options of an import are those of the service', async () => {
  const user_id = unique();
  const read = async () => (await client.user(user_id)).metadata;
  await finish(client, await client.importUsers([{ user_id, metadata: { a: 1, b: 2 } }]));
  await finish(client, await client.importUsers([{ user_id, metadata: { b: null } }]));
  expect(await read()).toEqual({ a: 1 });
  await finish(client, await client.importUsers([{ user_id, metadata: { c: 3 } }], { metadata: 'replace' }));
  expect(await read()).toEqual({ c: 3 });
  const job = await finish(client, await client.importUsers([{ user_id }], { existing: 'create_only' }));
  const [result] = await all(client.results(job.job_id));
  expect(result?.errors[0]?.code).toBe('already_exists');
});

it('an import with a key that was used before is answered with the job of then', async () => {
  const rows = [{ user_id: unique() }];
  const options = { idempotencyKey: `nightly ${unique()}` };
  const job = await client.importUsers(rows, options);
  await finish(client, job);
  expect(await client.importUsers(rows, options)).toMatchObject({ job_id: job.job_id });
  await expect(client.importUsers([{ user_id: 'other' }], options)).rejects.toMatchObject({
    status: 422,
    code: 'idempotency_key_reused',
  });
});

it('the failed rows of a job are tried again as a job of their own', async () => {
  const user_id = unique();
  const first = await finish(client, await client.importUsers([{ user_id }], { existing: 'update_only' }));
  expect(first).toMatchObject({ status: 'failed', error: { code: 'no_rows_applied' } });
  await finish(client, await client.importUsers([{ user_id, metadata: { a: 1 } }]));
  const child = await client.retry(first.job_id);
  expect(child.parent_job_id).toBe(first.job_id);
  const ended = await finish(client, child);
  expect(ended).toMatchObject({ status: 'completed', unchanged_rows: 1 });
  await expect(client.retry(ended.job_id)).rejects.toMatchObject({ code: 'nothing_to_retry' });
});

it('jobs are listed over all pages, newest first, and no more than were asked for', async () => {
  const environment = await muster.addEnvironment(`pages-${unique()}`);
  const other = createClient({ url: muster.url, apiKey: environment.key });
  const ids: string[] = [];
  for (let n = 0; n < 3; n++) {
    const job = await other.importUsers([{ user_id: `u${n}` }]);
    await finish(other, job);
    ids.unshift(job.job_id);
  }
  const listed = async (options: Parameters<Client['jobs']>[0]) =>
    (await all(other.jobs(options))).map((job) => job.job_id);
  expect(await listed({})).toEqual(ids);
  expect(await listed({ limit: 2 })).toEqual(ids.slice(0, 2));
  expect(await listed({ status: 'failed' })).toEqual([]);
  expect(await listed({ type: 'bulk_identify_companies' })).toEqual([]);
});

it('jobs are listed beyond the first page, each once', async () => {
  const environment = await muster.addEnvironment(`many-${unique()}`);
  const other = createClient({ url: muster.url, apiKey: environment.key });
  const ids: string[] = [];
  const add = async () => {
    while (ids.length < 125) {
      ids.push('being made');
      const job = await other.importUsers([{ user_id: 'u' }], { dryRun: true });
      ids[ids.indexOf('being made')] = job.job_id;
      // Not more of them than may wait in line.
      await muster.finished(job.job_id, environment.key);
    }
  };
  await Promise.all(Array.from({ length: 8 }, add));
  const listed = await all(other.jobs());
  expect(listed.map((job) => job.job_id).sort()).toEqual(ids.sort());
  expect(await all(other.jobs({ limit: 110 }))).toHaveLength(110);
});

it('refusals have the code, the sentence and the details of the service', async () => {
  const rows = Array.from({ length: 3_001 }, (_, n) => ({ user_id: `u${n}` }));
  await expect(client.importUsers(rows)).rejects.toMatchObject({ status: 413, code: 'too_many_rows' });
  await expect(client.importUsers([])).rejects.toMatchObject({ status: 400, code: 'empty_import' });
  await expect(client.importUsers('{', { format: 'json' })).rejects.toMatchObject({ code: 'invalid_json' });
  await expect(client.job('unknown')).rejects.toMatchObject({ status: 404, code: 'job_not_found' });
  await expect(client.job(crypto.randomUUID(), { wait: 61 })).rejects.toMatchObject({
    code: 'invalid_parameter',
    message: expect.stringMatching(/\. Not allowed: the value of wait\.$/),
    requestId: expect.stringMatching(/./),
  });
  await expect(all(client.results(crypto.randomUUID()))).rejects.toMatchObject({ code: 'job_not_found' });
  await expect(all(client.users({ companyId: '\u0000' }))).rejects.toMatchObject({
    code: 'invalid_parameter',
  });
  const stranger = createClient({ url: muster.url, apiKey: 'unknown' });
  await expect(all(stranger.jobs())).rejects.toMatchObject({ status: 401, code: 'unauthorized' });
});

it('the health of the service is read', async () => {
  expect(await client.health()).toEqual({
    status: 'ready',
    database: 'up',
    queue: 'up',
    queue_backend: 'postgresql',
  });
});
