/** What an import may be made from, and which bytes of it reach the service. */
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Client, createClient, type FileInput, type UserRow } from '#client/index';
import { fileOf, type HttpServer, json, makeJob, type SeenRequest, serve } from './support/http-server';

let server: HttpServer;
let client: Client;
let folder: string;
beforeAll(async () => {
  server = await serve((res) => json(res, 202, makeJob()));
  client = createClient({ url: server.url, apiKey: 'k' });
  folder = await mkdtemp(join(tmpdir(), 'muster-uploads-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await server.close();
});
beforeEach(() => {
  server.requests.length = 0;
});

function lastRequest(): SeenRequest {
  const request = server.requests.at(-1);
  if (request === undefined) throw new Error('nothing was sent');
  return request;
}

async function uploaded() {
  const file = await fileOf(lastRequest());
  return { text: await file.text(), name: file.name, type: file.type };
}

const TEXT = '\ufeff{"user_id":"ü1","n":9007199254740993}\r\n\n{"user_id":"u2"}';

describe('a file', () => {
  const bytes = new TextEncoder().encode(TEXT);
  const files: [string, () => FileInput][] = [
    ['a string', () => TEXT],
    ['bytes', () => bytes],
    ['a part of a buffer', () => Buffer.from(`xx${TEXT}`).subarray(2)],
    ['an ArrayBuffer', () => bytes.slice().buffer],
    ['a Blob', () => new Blob([bytes])],
    ['a stream', () => new Blob([bytes]).stream() as ReadableStream<Uint8Array>],
    ['a stream of Node', () => createReadStream(join(folder, 'users.ndjson'), { highWaterMark: 3 })],
  ];
  it.each(files)('as %s arrives byte for byte', async (_what, file) => {
    await writeFile(join(folder, 'users.ndjson'), TEXT);
    await client.importUsers(file());
    const { body } = lastRequest();
    expect(body.includes(Buffer.from(TEXT))).toBe(true);
    expect(await uploaded()).toMatchObject({ name: 'users.ndjson', type: 'application/x-ndjson' });
  });

  it('has its own name, or the one that is given', async () => {
    await client.importUsers(new File([TEXT], 'crm "export".jsonl'));
    expect(lastRequest().body.toString()).toContain('filename="crm %22export%22.jsonl"');
    await client.importUsers(new File([TEXT], 'crm.jsonl'), { filename: 'march.ndjson' });
    expect((await uploaded()).name).toBe('march.ndjson');
    await client.importCompanies(TEXT);
    expect((await uploaded()).name).toBe('companies.ndjson');
  });

  it.each([
    ['by its name', () => client.importUsers(new File(['user_id\nu1\n'], 'users.CSV'))],
    [
      'by its type',
      () => client.importUsers(new Blob(['user_id\nu1\n'], { type: 'text/csv;charset=utf-8' })),
    ],
    ['by the option', () => client.importUsers('user_id\nu1\n', { format: 'csv' })],
    ['by the given name', () => client.importUsers('user_id\nu1\n', { filename: 'users.csv' })],
  ])('is known as CSV %s', async (_how, send) => {
    await send();
    expect(await uploaded()).toMatchObject({ type: 'text/csv', text: 'user_id\nu1\n' });
  });

  it('of NDJSON is never named as CSV, because the service would believe the name', async () => {
    await client.importUsers(TEXT, { format: 'ndjson', filename: 'users.csv' });
    expect(await uploaded()).toMatchObject({ name: 'users.csv.ndjson', type: 'application/x-ndjson' });
  });

  it('of JSON is the body itself', async () => {
    const body = '{"users":[{"user_id":"u1"}]}';
    await client.importUsers(body, { format: 'json' });
    await client.importUsers(new File([body], 'users.json'));
    for (const request of server.requests) {
      expect(request.headers['content-type']).toBe('application/json');
      expect(request.body.toString()).toBe(body);
    }
  });
});

describe('rows', () => {
  it('become one line each, from an array, a set, a generator or an async one', async () => {
    const rows: UserRow[] = [
      {
        user_id: 'u1',
        company_id: null,
        metadata: { plan: 'pro\n', seats: 3, gone: null, skipped: undefined },
      },
      { user_id: 'u2', metadata: { since: new Date(0) } },
    ];
    function* generate() {
      yield* rows;
    }
    async function* generateLater() {
      yield* rows;
    }
    const sent = [
      '{"user_id":"u1","company_id":null,"metadata":{"plan":"pro\\n","seats":3,"gone":null}}',
      '{"user_id":"u2","metadata":{"since":"1970-01-01T00:00:00.000Z"}}',
      '',
    ].join('\n');
    for (const input of [rows, new Set(rows), generate(), generateLater()]) {
      await client.importUsers(input);
      expect(await uploaded()).toEqual({ text: sent, name: 'users.ndjson', type: 'application/x-ndjson' });
    }
  });

  it('arrive all, and in order, when they are many', async () => {
    async function* many() {
      for (let n = 0; n < 10_000; n++) yield { user_id: `u${n}`, metadata: { text: 'ü'.repeat(n % 50) } };
    }
    await client.importUsers(many());
    const lines = (await uploaded()).text.trimEnd().split('\n');
    expect(lines).toHaveLength(10_000);
    expect(lines.every((line, n) => JSON.parse(line).user_id === `u${n}`)).toBe(true);
  });

  it.each([
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['an invalid date', new Date(Number.NaN)],
    ['a bigint', 1n],
  ])(
    'with %s are refused before anything is sent: null in its place would remove the value',
    async (_what, value) => {
      const rows = [{ user_id: 'u1' }, { user_id: 'u2', metadata: { seats: value as number } }];
      await expect(client.importUsers(rows)).rejects.toThrow(
        new TypeError('Row 2 has a value at "seats" that JSON cannot say.'),
      );
      expect(server.requests).toEqual([]);
    },
  );

  it('that are no objects are refused', async () => {
    await expect(client.importUsers(['u1'] as never)).rejects.toThrow('Row 1 is not an object.');
  });

  it('whose source fails are not sent, and the failure is the source’s own', async () => {
    async function* broken() {
      yield { user_id: 'u1' };
      throw new RangeError('the CRM is away');
    }
    await expect(client.importUsers(broken())).rejects.toThrow(RangeError);
    expect(server.requests).toEqual([]);
  });

  it('stop being read when the signal is aborted', async () => {
    const controller = new AbortController();
    let read = 0;
    function* endless() {
      for (;;) {
        if (++read === 1_000) controller.abort(new Error('enough'));
        yield { user_id: `u${read}` };
      }
    }
    const { signal } = controller;
    await expect(client.importUsers(endless(), { signal })).rejects.toThrow('enough');
    expect(server.requests).toEqual([]);
  });
});

it('options go as parameters only where they differ from the defaults, so that a plain server takes the rest', async () => {
  const rows = [{ user_id: 'u1' }];
  await client.importUsers(rows);
  await client.importUsers(rows, { dryRun: false, metadata: 'merge', existing: 'upsert', onBusy: 'reject' });
  await client.importUsers(rows, {
    dryRun: true,
    metadata: 'replace',
    existing: 'create_only',
    onBusy: 'queue',
  });
  expect(server.requests.map(({ path }) => path)).toEqual([
    '/v1/users/bulk_identify',
    '/v1/users/bulk_identify',
    '/v1/users/bulk_identify?dry_run=true&metadata=replace&existing=create_only&on_busy=queue',
  ]);
});
