/** Files as people have them are read for what they are, and what was found in them is said. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, readText, startMuster, unique, type WireJob } from '../support/muster';
import { FORM_TYPE, filePart, form, textPart } from './support/form';
import { postBody } from './support/post-body';

const PATH = '/v1/users/bulk_identify';
const FOLDER = path.join(__dirname, '../fixtures/field');

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

interface Imported {
  job: WireJob;
  users: Record<string, Record<string, unknown>>;
  results: {
    row: number;
    line: number;
    outcome: string;
    superseded?: true;
    errors: { code: string; path: string; message: string }[];
  }[];
  key: string;
}

/** Imports a file into an environment of its own. */
async function importFile(name: string, bytes: string | Buffer, query = ''): Promise<Imported> {
  const { key } = await muster.addEnvironment(`field-${unique()}`);
  const { body } = await send(name, bytes, query, key).expect(202);
  const job = await muster.finished(body.job_id, key);
  const stored = (await muster.get('/v1/users', key).expect(200)).body as {
    user_id: string;
    metadata: object;
  }[];
  const { body: text } = await muster
    .get(`/v1/background_jobs/${job.job_id}/results`, key)
    .buffer()
    .parse(readText)
    .expect(200);
  const results = String(text)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  return {
    job,
    users: Object.fromEntries(
      stored.map(({ user_id, metadata }) => [user_id, metadata as Record<string, unknown>]),
    ),
    results,
    key,
  };
}

function send(name: string, bytes: string | Buffer, query = '', key = muster.key) {
  const body = form(filePart(bytes, name));
  return postBody(muster, body, { 'Content-Type': FORM_TYPE }, `${PATH}${query}`, key);
}

const field = (name: string, query?: string) =>
  importFile(name, readFileSync(path.join(FOLDER, name)), query);
const codes = ({ job }: Imported) => job.warnings.map(({ code }) => code);
const refuse = async (name: string, bytes: string | Buffer, query = '') => {
  const { body } = await send(name, bytes, query).expect(400);
  return body.errors[0] as { error_code: string; details: string };
};
const mapping = (value: object) => `?mapping=${encodeURIComponent(JSON.stringify(value))}`;

describe('a table', () => {
  it('is read with the delimiter that divides it, and that is said', async () => {
    const semicolons = await field('01-semicolon.csv');
    expect(semicolons.users).toEqual({
      u1: { name: 'Anna', revenue: '1,50' },
      u2: { name: 'Ben', revenue: '2,75' },
    });
    expect(codes(semicolons)).toEqual(['delimiter_detected']);
    expect(semicolons.job.warnings[0]?.message).toContain('semicolon');
    expect((await field('02-tab.tsv')).users).toEqual({ u1: { name: 'Anna' }, u2: { name: 'Ben' } });
    const pipes = await importFile('a.txt', 'user_id|name\nu1|Anna\n');
    expect(pipes.users).toEqual({ u1: { name: 'Anna' } });
    const separated = await importFile('a.csv', 'sep=;\r\nuser_id;name\r\nu1;Anna\r\n');
    expect(separated.users).toEqual({ u1: { name: 'Anna' } });
    expect(codes(separated)).toEqual([]);
    expect(separated.results).toMatchObject([{ line: 3 }]);
  });

  it('has its warnings from the 202 on', async () => {
    const { key } = await muster.addEnvironment(`field-${unique()}`);
    const { body } = await send('a.csv', 'user_id;email;email\nu1;a;b\n', '', key).expect(202);
    const found = [
      { code: 'column_renamed', rows: 1 },
      { code: 'delimiter_detected', rows: 1 },
    ];
    const sorted = (job: WireJob) =>
      job.warnings.map(({ code, rows }) => ({ code, rows })).sort((a, b) => (a.code < b.code ? -1 : 1));
    expect(sorted(body)).toEqual(found);
    expect(sorted(await muster.finished(body.job_id, key))).toEqual(found);
  });

  it('is read with the delimiter and the encoding that are asked for', async () => {
    const { users, job } = await importFile(
      'a.csv',
      Buffer.from('user_id:n\xe9\nu1:\xe9\n', 'latin1'),
      '?delimiter=:&encoding=latin1',
    );
    expect(users).toEqual({ u1: { né: 'é' } });
    expect(job.warnings).toEqual([]);
    await send('a.csv', 'user_id\n1\n', '?encoding=klingon').expect(400);
    await send('a.csv', 'user_id\n1\n', '?delimiter=ab').expect(400);
  });

  it('in another encoding is read in that, and that is said', async () => {
    const wide = await field('03-utf16le.csv');
    expect(wide.users).toEqual({ u1: { name: 'Zoë' } });
    expect(wide.job.warnings).toMatchObject([{ code: 'encoding_detected' }]);
    expect(wide.job.warnings[0]?.message).toContain('utf-16le');
    const windows = await field('04-windows1252.csv');
    expect(windows.users).toEqual({ u1: { name: 'Zoë' }, u2: { name: 'Müller' } });
    expect(windows.job.warnings[0]?.message).toContain('windows-1252');
    const { body } = await muster
      .get(`/v1/background_jobs/${windows.job.job_id}/results?as=input`, windows.key)
      .buffer()
      .parse(readText);
    expect(body).toBe('user_id,name\nu1,Zoë\nu2,Müller\n');
  });

  it('in UTF-8 with one bad byte is not taken for another encoding: that row fails', async () => {
    const bytes = Buffer.concat([
      Buffer.from('user_id,name\nu1,Zoë\n'),
      Buffer.from('u2,M\xfcller\n', 'latin1'),
    ]);
    const { users, results, job } = await importFile('a.csv', bytes);
    expect(users).toEqual({ u1: { name: 'Zoë' } });
    expect(results).toMatchObject([{ outcome: 'created' }, { errors: [{ code: 'invalid_encoding' }] }]);
    expect(job.warnings).toEqual([]);
  });

  it('ends its lines with a carriage return, too', async () => {
    const { users, results } = await importFile('a.csv', 'user_id,name\ru1,Anna\ru2,Ben\r');
    expect(users).toEqual({ u1: { name: 'Anna' }, u2: { name: 'Ben' } });
    expect(results).toMatchObject([{ line: 2 }, { line: 3 }]);
  });
});

describe('a header', () => {
  it('names the id whatever its case and white space, and other names are trimmed', async () => {
    const { users, job } = await field('07-header-spaces.csv');
    expect(users).toEqual({ u1: { Name: 'Anna' } });
    expect(job.warnings).toMatchObject([{ code: 'id_column_detected', path: 'User ID' }]);
  });

  it('with a name twice gives the later one a suffix and says so, and is refused when that is asked for', async () => {
    const { users, job } = await field('08-repeated-header.csv');
    expect(users).toEqual({ u1: { email: 'a@example.com', email_2: 'b@example.com' } });
    expect(job.warnings).toMatchObject([{ code: 'column_renamed', path: 'email_2' }]);
    const { error_code, details } = await refuse('a.csv', 'user_id,email,email\nu1,a,b\n', '?strict=true');
    expect(error_code).toBe('missing_users');
    expect(details).toContain('"email"');
  });

  it('with a blank name leaves that column out and says so', async () => {
    const { users, job } = await importFile('a.csv', 'user_id,,plan\nu1,x,pro\n');
    expect(users).toEqual({ u1: { plan: 'pro' } });
    expect(job.warnings).toMatchObject([{ code: 'column_left_out', path: 'column 2' }]);
  });

  it('without a column of the id is refused with the columns that there are, before the slot is taken', async () => {
    const { error_code, details } = await refuse('a.csv', 'Benutzer-ID;E-Mail;Tarif\n1;a@example.com;pro\n');
    expect(error_code).toBe('missing_users');
    expect(details).toContain('The columns are: "Benutzer-ID", "E-Mail", "Tarif".');
    expect(details).toContain('mapping={"id":"E-Mail"}');
    expect((await muster.get('/v1/background_jobs').expect(200)).body).toEqual([]);
  });

  it('that looks like data is said to', async () => {
    const { details } = await refuse('35-no-header.csv', readFileSync(path.join(FOLDER, '35-no-header.csv')));
    expect(details).toContain('The columns are: "u1", "Anna".');
    expect(details).toContain('looks like data');
    const named = await field('35-no-header.csv', mapping({ columns: ['user_id', 'name'] }));
    expect(named.users).toEqual({ u1: { name: 'Anna' }, u2: { name: 'Ben' } });
    expect(named.results).toMatchObject([{ line: 1 }, { line: 2 }]);
  });

  it('without rows is refused as that', async () => {
    const bytes = readFileSync(path.join(FOLDER, '34-header-only.csv'));
    expect(await refuse('34-header-only.csv', bytes)).toMatchObject({
      error_code: 'empty_import',
      details: 'The file has a header line and no rows.',
    });
  });
});

describe('the column of the id', () => {
  const contacts = (repeats: number) =>
    [
      'Contact ID,ACCOUNT ID',
      ...Array.from({ length: 100 }, (_, n) => `c${n % (100 - repeats)},a${n % 5}`),
    ].join('\n');

  it('is found by its name when its values are distinct, and that is said', async () => {
    const { users, job } = await importFile('a.csv', contacts(0));
    expect(Object.keys(users)).toHaveLength(100);
    expect(job).toMatchObject({ total_rows: 100, created_rows: 100 });
    expect(job.warnings).toMatchObject([{ code: 'id_column_detected', path: 'Contact ID' }]);
  });

  it('is never one whose values repeat, unless that is asked for', async () => {
    const { details } = await refuse('a.csv', contacts(40));
    expect(details).toContain('"Contact ID" is the id (40 of its 100 values repeat another one)');
    const { job } = await importFile('a.csv', contacts(40), mapping({ id: 'contact id' }));
    expect(job).toMatchObject({ created_rows: 60 });
    expect(job.warnings).toMatchObject([{ code: 'repeated_ids', rows: 80, ids: 40 }]);
  });

  it('that is named and not there is refused with the columns that there are', async () => {
    const { error_code, details } = await refuse('a.csv', 'user_id,a\n1,2\n', mapping({ id: 'key' }));
    expect(error_code).toBe('invalid_parameter');
    expect(details).toContain('There is no column "key". The columns are: "user_id", "a".');
  });
});

describe('a record', () => {
  it('may lack cells at its end; one with too many fails and says how many', async () => {
    const { users, results } = await field('10-ragged.csv');
    expect(users).toEqual({ u1: { name: 'Anna' }, u3: { name: 'Cy', plan: 'free' } });
    expect(results[1]?.errors).toMatchObject([{ code: 'too_many_cells' }]);
    expect(results[1]?.errors[0]?.message).toContain('It has 4 cells; there are 3 columns.');
  });

  it('may have quotes within its cells, and its neighbour is untouched', async () => {
    const { users } = await field('29-bad-quote.csv');
    expect(users).toEqual({ u1: { name: '5" pipe' }, u2: { name: 'Ben' } });
  });

  it('with a quote that is not closed says where it opens and how many lines it took', async () => {
    const { job, results } = await field('30-unclosed-quote.csv');
    expect(job).toMatchObject({ status: 'failed', total_rows: 1 });
    expect(results).toMatchObject([{ line: 2, errors: [{ code: 'quote_not_closed' }] }]);
    expect(results[0]?.errors[0]?.message).toMatch(/opens on line 2\. The record took 3 lines/);
  });

  it('has the words that it has, unless they are said to stand for nothing', async () => {
    const words = { u1: { plan: 'NULL' }, u2: { plan: 'N/A' }, u3: { plan: '-' } };
    expect((await field('33-null-words.csv')).users).toEqual(words);
    const { users } = await field('33-null-words.csv', mapping({ null_values: ['NULL', 'N/A', '-'] }));
    expect(users).toEqual({ u1: {}, u2: {}, u3: {} });
  });

  it('has typed cells only when that is asked for, and nothing is lost by it', async () => {
    const csv =
      'user_id;n;zip;phone;big;when;yes\nu1;1.234,50;007;+491;12345678901234567890;31.01.2026;WAHR\n';
    const types = { types: 'infer', decimal: ',', date_format: 'dd.MM.yyyy', true_values: ['WAHR'] };
    const { users } = await importFile('a.csv', csv, mapping(types));
    expect(users.u1).toEqual({
      ...{ n: 1234.5, zip: '007', phone: '+491', when: '2026-01-31', yes: true },
      big: '12345678901234567890',
    });
  });

  it('of a file that came back with its errors has no property of them', async () => {
    const { users } = await importFile('a.csv', 'user_id,plan,muster_error\nu1,pro,id_missing\n');
    expect(users).toEqual({ u1: { plan: 'pro' } });
  });
});

describe('ids', () => {
  it('that come more than once are said, and the rows that others stand on top of', async () => {
    const { users, job, results } = await field('19-repeated-ids.csv');
    expect(users).toEqual({ u1: { name: 'Ben' }, u2: { name: 'Di' } });
    expect(job.warnings).toMatchObject([{ code: 'repeated_ids', path: 'user_id', rows: 4, ids: 2 }]);
    expect(results.map(({ outcome, superseded }) => [outcome, superseded])).toEqual([
      ['created', true],
      ['updated', undefined],
      ['created', true],
      ['updated', undefined],
    ]);
    const dry = await field('19-repeated-ids.csv', '?dry_run=true');
    expect(dry.job.warnings).toMatchObject([{ code: 'repeated_ids', rows: 4, ids: 2 }]);
  });

  it('that come more than once count the first time, or fail, when that is asked for', async () => {
    const first = await field('19-repeated-ids.csv', '?repeats=first');
    expect(first.users).toEqual({ u1: { name: 'Anna' }, u2: { name: 'Cy' } });
    expect(first.job).toMatchObject({ status: 'completed', created_rows: 2, unchanged_rows: 2 });
    expect(first.results.map(({ superseded }) => superseded)).toEqual([undefined, true, undefined, true]);
    const fail = await field('19-repeated-ids.csv', '?repeats=fail');
    expect(fail.users).toEqual({});
    expect(fail.job).toMatchObject({ status: 'failed', failed_rows: 4 });
    expect(fail.results.map(({ errors }) => errors[0]?.code)).toEqual(Array(4).fill('repeated_id'));
  });

  it.each(['25-nbsp.csv', '27-case-ids.csv'])(
    'that look alike are two, and that is said: %s',
    async (name) => {
      const { users, job } = await field(name);
      expect(Object.keys(users)).toHaveLength(2);
      expect(job.warnings).toMatchObject([{ code: 'similar_ids', rows: 2, ids: 2 }]);
    },
  );

  it('that are numbers fail with a hint, or are taken as text when that is asked for', async () => {
    const { results } = await field('22-numeric-id.ndjson');
    expect(results).toMatchObject([{ errors: [{ code: 'id_invalid' }] }, { outcome: 'created' }]);
    expect(results[0]?.errors[0]?.message).toContain('ids=stringify');
    const { users } = await importFile(
      'a.ndjson',
      '{"user_id":12345678901234567890}\n{"user_id":1.50}\n',
      '?ids=stringify',
    );
    expect(Object.keys(users).sort()).toEqual(['1.50', '12345678901234567890']);
  });

  it('under another key are pointed at, and taken when that is asked for', async () => {
    const { results } = await field('24-id-alias.ndjson');
    expect(results).toMatchObject([
      { errors: [{ code: 'id_missing' }] },
      { errors: [{ code: 'id_missing' }] },
    ]);
    expect(results[0]?.errors[0]?.message).toContain('--id-column id');
    expect(results[1]?.errors[0]?.message).toContain('--id-column userId');
    const { users } = await importFile('a.json', '[{"id":"u1","metadata":{"a":1}}]', mapping({ id: 'id' }));
    expect(users).toEqual({ u1: { a: 1 } });
  });
});

describe('failed rows', () => {
  const csv = 'user_id;zip;plan\nu1;1;pro\n;2\nu3;3;x;"too; many"\n';
  const read = async (imported: Imported, query: string) => {
    const address = `/v1/background_jobs/${imported.job.job_id}/results${query}`;
    return String((await muster.get(address, imported.key).buffer().parse(readText).expect(200)).body);
  };

  it('of a table come back with a column that says why, and an import of that leaves the column out', async () => {
    const imported = await importFile('a.csv', csv);
    const mended = await read(imported, '?as=input&outcome=failed&with_errors=true');
    expect(mended.split('\n')).toEqual([
      'user_id;zip;plan;muster_error',
      expect.stringMatching(/^;2;;user_id: The row has no id\.$/),
      expect.stringMatching(/^u3;3;x;"too; many";"?The record has more cells/),
      '',
    ]);
    const again = await importFile('a.csv', mended.replace('\n;2', '\nu2;2'));
    expect(again.users).toEqual({ u2: { zip: '2' } });
  });

  it('quote what they are about only when that is asked for', async () => {
    const imported = await importFile(
      'a.ndjson',
      `{"user_id":7}\n{"user_id":"u","metadata":{"a.b":["${'x'.repeat(100)}"]}}\n`,
    );
    expect(await read(imported, '')).not.toContain('xxx');
    const lines = (await read(imported, '?values=true')).trimEnd().split('\n');
    const values = lines.map((line) => JSON.parse(line).errors[0].value);
    expect(values).toEqual(['7', expect.stringMatching(/^\["x{57}…$/)]);
  });
});

describe('JSON', () => {
  it.each([
    ['13-array.ndjson', 'read_as_json'],
    ['15-concatenated.ndjson', 'read_as_objects'],
  ])('%s is read as what it is, and that is said', async (name, code) => {
    const { users, job } = await field(name);
    expect(Object.keys(users)).toEqual(['u1', 'u2']);
    expect(job.warnings).toMatchObject([{ code }]);
  });

  it.each([
    [
      'over several lines',
      '{\n  "user_id": "u1",\n  "metadata": {\n    "a": "x y"\n  }\n}\n{\n  "user_id": "u2"\n}\n',
    ],
    ['with commas behind them', '{"user_id":"u1","metadata":{"a":"x y"}},\n{"user_id":"u2"},\n'],
    ['on one line', '{"user_id":"u1","metadata":{"a":"x y"}} {"user_id":"u2"}'],
  ])('objects %s are read one by one', async (_name, text) => {
    const { users, job, key } = await importFile('a.json', text);
    expect(users).toEqual({ u1: { a: 'x y' }, u2: {} });
    expect(codes({ job } as Imported)).toEqual(['read_as_objects']);
    const { body } = await muster
      .get(`/v1/background_jobs/${job.job_id}/results?as=input`, key)
      .buffer()
      .parse(readText);
    const lines = String(body).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).user_id)).toEqual(['u1', 'u2']);
  });

  it('an object that is not closed does not take its neighbours with it', async () => {
    const text = '{\n  "user_id": "u1"\n}\n{\n  "user_id": "u2",\n  "metadata": {\n{\n  "user_id": "u3"\n}\n';
    const { users, results } = await importFile('a.json', text);
    expect(Object.keys(users)).toEqual(['u1', 'u3']);
    expect(results).toMatchObject([
      { line: 1 },
      { line: 4, errors: [{ code: 'invalid_json' }] },
      { line: 7 },
    ]);
  });

  it('that is none says what is wrong, and where', async () => {
    const { results } = await field('17-nan.ndjson');
    expect(results).toMatchObject([
      { errors: [{ code: 'invalid_json', path: 'metadata.score' }] },
      { outcome: 'created' },
    ]);
    expect(results[0]?.errors[0]?.message).toContain('NaN');
  });

  it('with nested values fails, or is flattened when that is asked for', async () => {
    expect((await field('18-nested.ndjson')).results).toMatchObject([{ outcome: 'failed' }]);
    const { users } = await field('18-nested.ndjson', '?nested=flatten');
    expect(users).toEqual({ u1: { 'address.city': 'Oslo', 'tags.0': 'a', 'tags.1': 'b' } });
  });

  it('with properties beside the id ignores them and says so, or takes them when that is asked for', async () => {
    const ignored = await field('23-flat.ndjson');
    expect(ignored.users).toEqual({ u1: {} });
    expect(ignored.job.warnings).toMatchObject([
      { code: 'unknown_key_ignored' },
      { code: 'unknown_key_ignored' },
    ]);
    const { users, job } = await field('23-flat.ndjson', '?flat=true');
    expect(users).toEqual({ u1: { email: 'a@example.com', plan: 'pro' } });
    expect(job.warnings).toEqual([]);
  });
});

describe('a mapping', () => {
  const csv = 'Key,Plan name,Notes\nu1,pro,x\n';
  const map = { id: 'Key', rename: { 'plan name': 'plan' }, skip: ['Notes'] };
  const mappingPart = (text: string) => textPart('mapping', text);

  it('comes as a parameter, or as a part before or behind the file', async () => {
    const bodies = [
      form(filePart(csv, 'a.csv')),
      form(mappingPart(JSON.stringify(map)), filePart(csv, 'a.csv')),
      form(filePart(csv, 'a.csv'), mappingPart(JSON.stringify(map))),
    ];
    for (const [index, body] of bodies.entries()) {
      const { key } = await muster.addEnvironment(`mapping-${unique()}`);
      const address = `${PATH}${index === 0 ? mapping(map) : ''}`;
      const answer = await postBody(muster, body, { 'Content-Type': FORM_TYPE }, address, key).expect(202);
      expect(await muster.finished(answer.body.job_id, key)).toMatchObject({
        created_rows: 1,
        filename: 'a.csv',
      });
      expect((await muster.get('/v1/users/u1', key).expect(200)).body.metadata).toEqual({ plan: 'pro' });
    }
  });

  it.each([
    ['no JSON', '{', 'mapping'],
    ['unknown keys', '{"ids":"x"}', 'mapping'],
    ['a wrong value', '{"decimal":"x"}', 'mapping.decimal'],
    ['a date format that there is not', '{"date_format":"QQQQ"}', 'date_format'],
  ])('of %s is refused', async (_name, text, named) => {
    const { error_code, details } = await refuse(
      'a.csv',
      'user_id\nu1\n',
      `?mapping=${encodeURIComponent(text)}`,
    );
    expect(error_code).toBe('invalid_parameter');
    expect(details).toContain(named);
  });

  it('belongs to what an Idempotency-Key stands for', async () => {
    const { key } = await muster.addEnvironment(`mapping-${unique()}`);
    const post = (text: string) =>
      postBody(
        muster,
        form(filePart(csv, 'a.csv'), mappingPart(text)),
        { 'Content-Type': FORM_TYPE, 'Idempotency-Key': 'one' },
        PATH,
        key,
      );
    await post(JSON.stringify(map)).expect(202);
    expect((await post(JSON.stringify(map)).expect(202)).headers['idempotent-replayed']).toBe('true');
    await post(JSON.stringify({ id: 'Key' })).expect(422);
  });

  it('holds for a retry of the rows, too', async () => {
    const { key } = await muster.addEnvironment(`mapping-${unique()}`);
    const { body } = await send(
      'a.csv',
      'Key;n\nu1;1\n;2\n',
      mapping({ id: 'Key', rename: { n: 'm' } }),
      key,
    ).expect(202);
    const job = await muster.finished(body.job_id, key);
    expect(job).toMatchObject({ created_rows: 1, failed_rows: 1 });
    const retried = await muster.post(`/v1/background_jobs/${job.job_id}/retry`, key).expect(202);
    const again = await muster.finished(retried.body.job_id, key);
    expect(again).toMatchObject({ total_rows: 1, failed_rows: 1, error: { code: 'no_rows_applied' } });
  });
});
