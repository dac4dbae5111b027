/** `muster import` against a whole Muster. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, startMuster, unique } from '../support/muster';
import { textRow, workbookOf } from '../support/workbook';
import { zipOf } from '../support/zip';
import { type CliOptions, makeHome, runCli, values } from './support/run-cli';

let muster: Muster;
let options: CliOptions;
beforeAll(async () => {
  muster = await startMuster();
  options = { url: muster.url, apiKey: muster.key };
});
afterAll(() => muster.close());

/** A file in a folder of its own. */
function file(name: string, content: string | Buffer): string {
  const at = path.join(makeHome(), name);
  writeFileSync(at, content);
  return at;
}

async function stored(
  prefix: string,
): Promise<{ user_id: string; company_id: string | null; metadata: unknown }[]> {
  const { rows } = await muster.store.pool.query(
    'SELECT user_id, company_id, metadata FROM users WHERE user_id LIKE $1 ORDER BY user_id',
    [`${prefix}%`],
  );
  return rows;
}

describe('a file', () => {
  it.each([
    ['users.ndjson', (id: string) => `{"user_id":"${id}-1"}\n{"user_id":"${id}-2"}\n`],
    ['users.json', (id: string) => `[{"user_id":"${id}-1"},\n  {\n "user_id":"${id}-2"}]`],
    ['envelope.json', (id: string) => `{"users":[{"user_id":"${id}-1"},{"user_id":"${id}-2"}]}`],
    ['users.csv', (id: string) => `user_id\n${id}-1\n${id}-2\n`],
    ['users', (id: string) => `[{"user_id":"${id}-1"},{"user_id":"${id}-2"}]`],
    ['rows', (id: string) => `{"user_id":"${id}-1"}\n{"user_id":"${id}-2"}`],
  ])('%s is imported, also as gzip and from standard input', async (name, write) => {
    for (const way of ['plain', 'gzip', 'stdin'] as const) {
      const id = unique();
      const text = write(id);
      const run =
        way === 'stdin'
          ? await runCli(['import', '-'], { ...options, input: text })
          : await runCli(
              ['import', way === 'gzip' ? file(`${name}.gz`, gzipSync(text)) : file(name, text)],
              options,
            );
      expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining('2 created') });
      expect((await stored(id)).map(({ user_id }) => user_id)).toEqual([`${id}-1`, `${id}-2`]);
    }
  });

  it('that is a zip archive or a sheet of a workbook is imported as what is in it', async () => {
    const id = unique();
    const csv = await zipOf({ 'users.csv': `user_id,n\n${id}-1,007\n`, '__MACOSX/._users.csv': 'x' });
    const zipped = await runCli(['import', file('users.zip', csv)], options);
    expect(zipped).toMatchObject({ code: 0, stdout: expect.stringContaining('1 created') });
    const workbook = await workbookOf({
      sheets: {
        Notes: textRow(1, 'nothing'),
        Users: textRow(1, 'user_id', 'n') + textRow(3, `${id}-2`, '007') + textRow(4, '', 'x'),
      },
    });
    const at = file('users.xlsx', workbook);
    const failed = path.join(makeHome(), 'failed.csv');
    const sheet = await runCli(['import', at, '--sheet', 'users', '--errors', failed], options);
    expect(sheet).toMatchObject({ code: 2, stdout: expect.stringContaining('1 created') });
    expect(readFileSync(failed, 'utf8')).toBe('user_id,n\n,x\n');
    expect((await stored(id)).map(({ metadata }) => metadata)).toEqual([{ n: '007' }, { n: '007' }]);
    const checked = await runCli(['validate', at, '--sheet', '2'], options);
    expect(checked).toMatchObject({ code: 2, stdout: expect.stringContaining('Line 4') });
    const stdin = await runCli(['validate', '-', '--sheet', 'Users'], { ...options, input: workbook });
    expect(stdin).toMatchObject({ code: 2, stdout: expect.stringContaining('2 rows, 1 would fail') });
    const none = await runCli(['import', at, '--sheet', 'Nope'], options);
    expect(none).toMatchObject({ code: 3, stderr: expect.stringContaining('"Notes", "Users"') });
    const broken = await runCli(['import', file('users.xlsx', workbook.subarray(0, -100))], options);
    expect(broken).toMatchObject({ code: 3, stderr: expect.stringContaining('broken or cut off') });
  });

  it('is cut into jobs that run one after another, and all of it arrives', async () => {
    const id = unique();
    const rows = Array.from({ length: 2_500 }, (_, n) => `{"user_id":"${id}-${n}"}\n`);
    const run = await runCli(
      ['import', file('users.ndjson', rows.join('')), '--batch-rows', '1000', '--json'],
      options,
    );
    expect(values(run).at(-1)).toMatchObject({ event: 'done', created: 2_500, failed: 0, jobs: 3 });
    expect(await stored(id)).toHaveLength(2_500);
  });

  it('of a CSV is cut by the bytes that its rows have as JSON', async () => {
    const id = unique();
    const csv = `user_id,a_long_name_for_a_column\n${Array.from({ length: 40 }, (_, n) => `${id}-${n},x\n`).join('')}`;
    const run = await runCli(['import', file('u.csv', csv), '--batch-bytes', '1000', '--json'], options);
    expect(values(run).at(-1)).toMatchObject({ created: 40, jobs: 4 });
  });

  it('comes after another one when there are several, each under its name', async () => {
    const id = unique();
    const files = [
      file('first.ndjson', `{"user_id":"${id}-1"}\n`),
      file('second.csv', `user_id\n${id}-2\n`),
      file('third.json.gz', gzipSync(`[{"user_id":"${id}-3"}]`)),
    ];
    const run = await runCli(['import', ...files, '--json'], options);
    expect(values(run).at(-1)).toMatchObject({ event: 'done', created: 3, jobs: 3 });
    expect((await stored(id)).map(({ user_id }) => user_id)).toEqual([`${id}-1`, `${id}-2`, `${id}-3`]);
    const { stdout } = await runCli(['jobs', '--limit', '3'], options);
    expect(stdout).toMatch(/third\.ndjson\n.*second\.csv\n.*first\.ndjson\n$/);
    expect((await runCli(['import', ...files, '--errors', 'failed'], options)).code).toBe(3);
  });

  it('that is a table stays that table: its name, its lines, and the mapping beside it', async () => {
    const id = unique();
    const name = `crm-${id}.csv`;
    const rows = `Contact ID;Full name;Seats;\n${id}-1;M\xfcller;1.234,5;x\n;Zo\xe9;2;\n`;
    const flags = ['--map', 'Full name=name', '--decimal', ',', '--json'];
    const run = await runCli(['import', file(name, Buffer.from(rows, 'latin1')), ...flags], options);
    expect(values(run).at(-1)).toMatchObject({ event: 'done', created: 1, failed: 1 });
    expect(await stored(id)).toMatchObject([
      { user_id: `${id}-1`, metadata: { name: 'Müller', Seats: 1234.5 } },
    ]);
    const [job] = (await muster.get('/v1/background_jobs?limit=1').expect(200)).body;
    expect(job.filename).toBe(name);
    expect(await muster.results(job.job_id, '?outcome=failed')).toMatchObject([{ line: 3 }]);
  });

  it('tells machines how far it is, an event a line, the last one with all counts', async () => {
    const id = unique();
    const rows = `{"user_id":"${id}"}\n{"user_id":"${id}"}\n{}\n`;
    const run = await runCli(['import', file('u.ndjson', rows), '--json'], options);
    expect(run).toMatchObject({ code: 2, stderr: '' });
    const all = values(run);
    const notes = all.filter(({ event }) => event === 'note').map(({ message }) => message);
    expect(notes).toEqual([expect.stringContaining('One ID occurs more than once.')]);
    const events = all.filter(({ event }) => event !== 'note');
    expect(events.slice(0, -1).every(({ event, part }) => event === 'progress' && part === 1)).toBe(true);
    expect(events.at(-2)).toMatchObject({ share: 1, status: 'completed' });
    expect(events.at(-1)).toEqual({
      event: 'done',
      created: 1,
      updated: 0,
      unchanged: 1,
      failed: 1,
      untold: 0,
      jobs: 1,
      seconds: expect.any(Number),
      dry_run: false,
      cells_sent_as_text: {},
    });
    expect(await runCli(['import', file('u.ndjson', rows), '--quiet'], options)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: '',
    });
  });

  it('has a fault of a row judged by the server, not repaired on the way', async () => {
    const id = unique();
    const rows = `{"user_id":"${id}-a\rb"}\n{"user_id":\r"${id}-c"}\n`;
    const run = await runCli(['import', file('u.ndjson', rows), '--json'], options);
    expect(values(run).at(-1)).toMatchObject({ created: 1, failed: 1 });
    expect((await stored(id)).map(({ user_id }) => user_id)).toEqual([`${id}-c`]);
  });

  it('is never overwritten by its own failed rows', async () => {
    const input = file('users.ndjson', '{"user_id":7}\n');
    expect((await runCli(['import', input, '--errors', input], options)).code).toBe(3);
    expect(readFileSync(input, 'utf8')).toBe('{"user_id":7}\n');
  });

  it('of a CSV has its failed rows collected under its header, those of a JSON array on a line each', async () => {
    const csv = file('u.csv', `user_id,"a\nb"\n${unique()},1\n,"2\n3"\n`);
    await runCli(['import', csv, '--errors', `${csv}.failed`], options);
    expect(readFileSync(`${csv}.failed`, 'utf8')).toBe('user_id,"a\nb"\n,"2\n3"\n');
    const json = file('u.json', '[{"user_id": "x"},\n{\n"user_id": 7}]');
    await runCli(['import', json, '--errors', `${json}.failed`], options);
    expect(readFileSync(`${json}.failed`, 'utf8')).toBe('{ "user_id": 7}\n');
  });

  it('with bad rows ends with 2, and collects them ready to be mended, with the reasons', async () => {
    const id = unique();
    const bad = '{"user_id": 7,  "metadata":{"n":1.50}}';
    const input = file('users.ndjson', `{"user_id":"${id}"}\n\n${bad}\n`);
    const errors = `${input}.failed`;
    const run = await runCli(['import', input, '--errors', errors], options);
    expect(run.code).toBe(2);
    expect(readFileSync(errors, 'utf8')).toBe(`${bad}\n`);
    const reasons = readFileSync(`${errors}.reasons`, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(reasons).toEqual([
      {
        row: 2,
        line: 3,
        id: null,
        errors: [expect.objectContaining({ code: 'id_invalid', path: 'user_id' })],
      },
    ]);
  });

  it('that is not there, is a folder or is broken gzip is refused with a sentence and 3', async () => {
    for (const input of [
      'nowhere.ndjson',
      makeHome(),
      file('a.ndjson.gz', Buffer.from([0x1f, 0x8b, 0, 1, 2])),
    ]) {
      const run = await runCli(['import', input], options);
      expect(run.code).toBe(3);
      expect(run.stderr).not.toMatch(/\n\s+at /);
    }
  });
});

describe('a CSV', () => {
  it('has its columns renamed, typed and left out, and nothing loses a digit', async () => {
    const id = unique();
    const csv =
      `key,org,zip,seats,active,price,big,Plan Name,salary\n${id}-1,c1,01067,3,true,1.50,12345678901234567890,pro,9\n` +
      `${id}-2,,10115,,false,2,1,,8\n`;
    const run = await runCli(
      [
        'import',
        file('x.csv', csv),
        '--id-column',
        'key',
        '--company-column',
        'org',
        '--map',
        'Plan Name=plan',
        '--skip',
        'salary',
      ],
      options,
    );
    expect(run).toMatchObject({ code: 0 });
    expect(await stored(id)).toEqual([
      {
        user_id: `${id}-1`,
        company_id: 'c1',
        metadata: {
          zip: '01067',
          seats: 3,
          active: true,
          price: 1.5,
          big: '12345678901234567890',
          plan: 'pro',
        },
      },
      { user_id: `${id}-2`, company_id: null, metadata: { zip: '10115', active: false, price: 2, big: '1' } },
    ]);
  });

  it('has text only with --types text, and the types that are said with --types name=type', async () => {
    const id = unique();
    const csv = `user_id,n,m\n${id},1,2\n`;
    await runCli(['import', file('x.csv', csv), '--types', 'text'], options);
    expect((await stored(id))[0]?.metadata).toEqual({ n: '1', m: '2' });
    await runCli(['import', file('y.csv', csv), '--types', 'n=number'], options);
    expect((await stored(id))[0]?.metadata).toEqual({ n: 1, m: '2' });
  });

  it('with a column that is not there, or two that become one, is refused before anything is sent', async () => {
    const input = file('x.csv', 'user_id,a,b\nu,1,2\n');
    for (const words of [
      ['--id-column', 'id'],
      ['--map', 'c=d'],
      ['--map', 'a=b'],
    ]) {
      expect((await runCli(['import', input, ...words], options)).code).toBe(3);
    }
  });
});

it('a dry run says what would happen, and nothing is stored', async () => {
  const id = unique();
  const run = await runCli(['import', file('u.ndjson', `{"user_id":"${id}"}\n`), '--dry-run'], options);
  expect(run.stdout).toContain('Dry run: 1 created');
  expect(await stored(id)).toEqual([]);
});

it('a wrong key, no key and a server that is not there each have their sentence and code', async () => {
  const input = file('u.ndjson', '{"user_id":"u"}\n');
  const wrong = await runCli(['import', input], { ...options, apiKey: 'mst_wrong' });
  expect(wrong.code).toBe(3);
  expect(`${wrong.stdout}${wrong.stderr}`).not.toContain('mst_wrong');
  expect((await runCli(['import', input], { url: muster.url })).code).toBe(3);
});
