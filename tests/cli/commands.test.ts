/** What the commands beside import do, and how they end. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, startMuster, unique } from '../support/muster';
import { type CliOptions, makeHome, runCli, values } from './support/run-cli';

let muster: Muster;
let options: CliOptions;
beforeAll(async () => {
  muster = await startMuster();
  options = { url: muster.url, apiKey: muster.key };
});
afterAll(() => muster.close());

function write(name: string, content: string): string {
  const file = path.join(makeHome(), name);
  writeFileSync(file, content);
  return file;
}

describe('validate', () => {
  const ROWS = `{"user_id":"a"}\n{"user_id":7}\n\n{"user_id":"b","metadata":{"x":[1]},"plan":"pro"}\n`;

  it('finds without a server what a dry run of the server finds', async () => {
    const local = values(await runCli(['validate', write('u.ndjson', ROWS), '--json']));
    const job = await muster
      .post('/v1/users/bulk_identify?dry_run=true')
      .attach('file', Buffer.from(ROWS), 'u.ndjson');
    await muster.finished(job.body.job_id);
    const results = await muster.results(job.body.job_id, '?outcome=failed');
    expect(local.slice(0, -1)).toEqual(
      results.map(({ row, line, id, errors }) => ({ row, line, id, errors })),
    );
    expect(local.at(-1)).toEqual({ rows: 3, failed: 2, ignored_keys: { plan: 1 }, warnings: [] });
  });

  it('names line, id and path, and what is ignored, and ends with 2', async () => {
    const run = await runCli(['validate', write('u.ndjson', ROWS)]);
    expect(run).toMatchObject({ code: 2, stderr: '' });
    expect(run.stdout).toMatch(/^Line 2, user_id: .+$/m);
    expect(run.stdout).toMatch(/^Line 4 \(b\), metadata\.x: .+$/m);
    expect(run.stdout).toMatch(/^plan: a key of 1 row that is not stored/m);
    expect(run.stdout).toContain('3 rows, 2 would fail.');
  });

  it('reads a CSV by the same flags as import, and ends with 0 when nothing is wrong', async () => {
    const file = write('c.csv', 'key,Name\nc1,Acme\nc2,\n');
    const run = await runCli(['validate', file, '--kind', 'companies', '--id-column', 'key']);
    expect(run).toMatchObject({ code: 0, stdout: '2 rows, 0 would fail.\n' });
    expect(await runCli(['validate', file])).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/must name the column user_id.*The columns are: "key", "Name"\./),
    });
  });
});

describe('jobs', () => {
  it('are listed, watched to their end, shown with their results, and tried again', async () => {
    const id = unique();
    const { job_id: jobId } = await muster.importNdjson(`{"user_id":"${id}"}\n{"user_id":7}\n`);
    expect((await runCli(['jobs', '--limit', '1'], options)).stdout).toContain(`${jobId}  completed`);
    expect(values(await runCli(['jobs', '--json', '--status', 'completed'], options))[0]).toMatchObject({
      job_id: jobId,
    });

    expect(values(await runCli(['jobs', '--user-id', id, '--json'], options))).toEqual([
      expect.objectContaining({ job_id: jobId }),
    ]);

    const watched = await runCli(['watch', jobId], options);
    expect(watched.code).toBe(2);
    expect(watched.stdout).toMatch(/^Created +1$/m);
    expect(values(await runCli(['watch', jobId, '--json'], options))).toEqual([
      expect.objectContaining({ job_id: jobId, failed_rows: 1 }),
    ]);

    const failed = values(await runCli(['results', jobId, '--outcome', 'failed'], options));
    expect(failed).toEqual([expect.objectContaining({ row: 2, outcome: 'failed' })]);
    const sent = await runCli(['results', jobId, '--outcome', 'failed', '--as', 'input'], options);
    expect(sent.stdout).toBe('{"user_id":7}\n');
    expect((await runCli(['results', jobId, '--as', 'csv'], options)).stdout).toMatch(/^row,line,id,outcome/);

    const [retried] = values(await runCli(['retry', jobId, '--json'], options));
    expect(retried).toMatchObject({ parent_job_id: jobId, total_rows: 1 });
    // All of its rows fail again.
    expect((await runCli(['watch', String(retried?.job_id), '--quiet'], options)).code).toBe(2);
  });

  it('are canceled, and a watch of such a job ends with 5', async () => {
    const environment = await muster.addEnvironment(unique());
    const busy = { url: muster.url, apiKey: environment.key };
    await muster.store.pool.query('UPDATE environments SET users_per_minute = 60 WHERE id = $1', [
      environment.environmentId,
    ]);
    const rows = Array.from({ length: 600 }, (_, n) => ({ user_id: `u${n}` }));
    const { body } = await muster.post(undefined, environment.key).send(rows).expect(202);
    expect(await runCli(['cancel', body.job_id], busy)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('canceled'),
    });
    expect((await runCli(['watch', body.job_id], busy)).code).toBe(5);
    expect(await runCli(['cancel', body.job_id], busy)).toMatchObject({ code: 3, stdout: '' });
  });

  it('of a wrong or unknown id are refused with a sentence and 3', async () => {
    for (const id of ['no-id', '9536d797-7039-4d30-8c11-ac437367d732', '..']) {
      const run = await runCli(['watch', id], options);
      expect(run.code).toBe(3);
      expect(run.stderr).not.toMatch(/^ +at /m);
    }
  });
});

describe('users and companies', () => {
  it('are shown and exported with every digit, and an export can be imported again', async () => {
    const id = unique();
    const row = `{"user_id":"${id}","company_id":"${id}-c","metadata":{"n":12345678901234567890.10,"s":"x\\u001b"}}\n`;
    await muster.importNdjson(row);
    const shown = await runCli(['users', 'get', id], options);
    expect(shown.stdout).toMatch(/^metadata\.n +12345678901234567890\.10$/m);
    const exported = await runCli(['users', 'export', '--company-id', `${id}-c`], options);
    expect(exported.stdout).toContain('12345678901234567890.10');
    const again = await runCli(['import', '-', '--json'], { ...options, input: exported.stdout });
    expect(values(again).at(-1)).toMatchObject({ unchanged: 1, failed: 0 });
  });

  it('are exported that a text is known by', async () => {
    const id = unique();
    await muster.importRows([
      { user_id: `${id}-1`, metadata: { email: `${id}@example.com` } },
      { user_id: `${id}-2` },
    ]);
    const exported = async (search: string) =>
      values(await runCli(['users', 'export', '--search', search], options));
    expect(await exported(`${id}-`)).toMatchObject([{ user_id: `${id}-1` }, { user_id: `${id}-2` }]);
    expect(await exported(`${id}@EXAMPLE.COM`)).toMatchObject([{ user_id: `${id}-1` }]);
    expect(await runCli(['companies', 'export', '--search', id], options)).toMatchObject({
      code: 0,
      stdout: '',
    });
  });

  it('are erased when nobody can be asked only with --yes, and are gone then', async () => {
    const id = unique();
    await muster.importRows([{ user_id: id }]);
    expect(await runCli(['users', 'delete', id], options)).toMatchObject({ code: 3, stdout: '' });
    expect((await runCli(['users', 'delete', id, '--yes'], options)).stdout).toBe('1 erased.\n');
    expect((await runCli(['users', 'get', id], options)).code).toBe(3);
    expect((await runCli(['companies', 'get', id], options)).code).toBe(3);
  });
});

describe('settings', () => {
  /** A home with a configuration. */
  function configured(config: unknown, mode = 0o600): string {
    const home = makeHome();
    const file = path.join(home, '.config', 'muster', 'config.json');
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, typeof config === 'string' ? config : JSON.stringify(config));
    chmodSync(file, mode);
    return home;
  }

  it('come from flags, else the environment, else a profile', async () => {
    const profiles = {
      default: { url: 'http://127.0.0.1:1', api_key: 'mst_x' },
      test: { url: muster.url, api_key: muster.key },
    };
    const home = configured({ profiles });
    const words = ['jobs', '--limit', '1', '--retries', '0'];
    expect((await runCli(words, { home })).code).toBe(4);
    expect((await runCli([...words, '--profile', 'test'], { home })).code).toBe(0);
    expect((await runCli(words, { home, env: { MUSTER_PROFILE: 'test' } })).code).toBe(0);
    expect((await runCli(words, { ...options, home })).code).toBe(0);
    expect((await runCli([...words, '--url', muster.url, '--api-key', muster.key], { home })).code).toBe(0);
    expect((await runCli([...words, '--profile', 'none'], { home })).code).toBe(3);
  });

  it('that cannot be used are refused with a sentence that shows no key', async () => {
    const secret = 'mst_secret';
    for (const config of [
      `{"profiles": ${secret}`,
      { profiles: { default: { api_key: [secret] } } },
      { [secret]: 1 },
    ]) {
      const run = await runCli(['jobs'], { home: configured(config) });
      expect(run.code).toBe(3);
      expect(run.stdout + run.stderr).not.toContain('mst_secret');
    }
    const open = configured({ profiles: { default: { url: muster.url, api_key: muster.key } } }, 0o644);
    expect((await runCli(['jobs'], { home: open })).stderr).toContain('chmod 600');
    for (const key of ['mst_\u00e9', 'mst wrong']) {
      const run = await runCli(['jobs'], { url: muster.url, apiKey: key });
      expect(run.code).toBe(3);
      expect(run.stdout + run.stderr).not.toContain(key);
    }
  });
});

it('keys and environments are made, listed and revoked in the database of the service', async () => {
  const env = { DATABASE_URL: muster.databaseUrl };
  const slug = `e${unique()}`;
  expect((await runCli(['environments', 'create', slug], { env })).code).toBe(0);
  const made = await runCli(['keys', 'create', '--environment', slug, '--scope', 'read'], { env });
  expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^mst_[\w-]{43}\n$/), stderr: '' });
  const key = made.stdout.trim();
  expect((await runCli(['jobs'], { url: muster.url, apiKey: key })).code).toBe(0);
  expect(
    (await runCli(['import', '-'], { url: muster.url, apiKey: key, input: '{"user_id":"u"}' })).code,
  ).toBe(3);
  expect((await runCli(['keys', 'list', '--environment', slug], { env })).stdout).toContain(key.slice(0, 12));
  const rotated = await runCli(['keys', 'rotate', key.slice(0, 12), '--overlap', '1h'], { env });
  expect(rotated).toMatchObject({ code: 0, stdout: expect.stringMatching(/^mst_[\w-]{43}\n$/), stderr: '' });
  for (const apiKey of [key, rotated.stdout.trim()]) {
    expect((await runCli(['jobs'], { url: muster.url, apiKey })).code).toBe(0);
  }
  expect((await runCli(['keys', 'list', '--environment', slug], { env })).stdout).toContain('open until');
  expect((await runCli(['keys', 'revoke', key.slice(0, 12)], { env })).code).toBe(0);
  expect((await runCli(['jobs'], { url: muster.url, apiKey: key })).code).toBe(3);
  expect((await runCli(['keys', 'create', '--environment', 'no such'], { env })).code).not.toBe(0);
});

describe('completion', () => {
  it.each([
    ['muster imp', ['import']],
    ['muster import --kind c', ['companies']],
    ['muster users e', ['export']],
    ['muster keys create --sc', ['--scope']],
    ['muster import some-file', []],
  ])('in bash completes %p to %p', async (line, expected) => {
    const { stdout } = await runCli(['completion', 'bash']);
    const words = line.split(' ');
    const script = `${stdout}\nCOMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; _muster; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout: completed } = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
    expect(completed.split('\n').filter(Boolean)).toEqual(expected);
  });

  it('has a script for each shell, and refuses others', async () => {
    expect((await runCli(['completion', 'zsh'])).stdout).toContain('bashcompinit');
    expect((await runCli(['completion', 'fish'])).stdout).toMatch(/^complete -c muster .* -a import /m);
    expect((await runCli(['completion', 'cmd'])).code).toBe(3);
  });
});
