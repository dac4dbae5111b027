/** Answers that come in row by row: whole, broken off, or not wanted to the end. */
import { text as textOf } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { afterEach, expect, it } from '@jest/globals';
import { createClient, type RowResult } from '#client/index';
import { type Answer, type HttpServer, recordSleeps, serve } from './support/http-server';

let server: HttpServer;
afterEach(() => server.close());

async function start(answer: Answer, retries?: number) {
  server = await serve(answer);
  return createClient({ url: server.url, apiKey: 'k', retries, sleep: recordSleeps().sleep });
}

const NDJSON = { 'Content-Type': 'application/x-ndjson' };
const line = (row: number) =>
  `${JSON.stringify({ row, line: row, id: `u${row}`, outcome: 'created', errors: [] })}\n`;
const lines = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => line(from + n)).join('');

async function rowsOf(results: AsyncIterable<RowResult>): Promise<number[]> {
  const rows = [];
  for await (const { row } of results) rows.push(row);
  return rows;
}

it('results go on where they were when the connection breaks', async () => {
  const client = await start((res, _request, n) => {
    res.writeHead(200, NDJSON);
    if (n === 2) return void res.end(lines(1, 9));
    // In the middle of the line after these rows.
    res.write(lines(1, n === 0 ? 3 : 6) + line(7).slice(0, 5), () => res.socket?.destroy());
  });
  expect(await rowsOf(client.results('j1'))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(server.requests).toHaveLength(3);
});

it('results that break off without one new row are unreachable', async () => {
  const client = await start((res) => {
    res.writeHead(200, NDJSON).write(lines(1, 3), () => res.socket?.destroy());
  });
  await expect(rowsOf(client.results('j1'))).rejects.toMatchObject({ code: 'unreachable' });
  expect(server.requests).toHaveLength(2);
});

it('results do not go on when the client is to try once only', async () => {
  const client = await start((res) => {
    res.writeHead(200, NDJSON).write(lines(1, 3), () => res.socket?.destroy());
  }, 0);
  await expect(rowsOf(client.results('j1'))).rejects.toMatchObject({ code: 'unreachable' });
  expect(server.requests).toHaveLength(1);
});

it('users that break off are unreachable: a list that changes has no place to go on from', async () => {
  const client = await start((res) => {
    res.writeHead(200, NDJSON).write('{"user_id":"u1"}\n', () => res.socket?.destroy());
  });
  const seen: string[] = [];
  const read = async () => {
    for await (const user of client.users()) seen.push(user.user_id);
  };
  await expect(read()).rejects.toMatchObject({ code: 'unreachable' });
  expect(seen).toEqual(['u1']);
});

it('a line that is not JSON is an unexpected answer, which does not quote it', async () => {
  const client = await start((res) => void res.writeHead(200).end('{"email":"a@secret.example"\n'));
  const thrown = await rowsOf(client.results('j1')).catch((error: unknown) => error);
  expect(thrown).toMatchObject({ code: 'unexpected_answer' });
  expect(inspect(thrown)).not.toContain('secret');
});

it('a reader that stops ends the request', async () => {
  let closed: Promise<void> = Promise.resolve();
  const client = await start((res) => {
    closed = new Promise((resolve) => res.on('close', resolve));
    res.writeHead(200, NDJSON).write(lines(1, 5));
  });
  for await (const { row } of client.results('j1')) if (row === 2) break;
  await closed;
});

it('an aborted signal ends an answer that has begun, with its reason', async () => {
  const controller = new AbortController();
  const client = await start((res) => {
    res.writeHead(200, NDJSON).write(lines(1, 5));
  });
  const read = async () => {
    for await (const { row } of client.results('j1', { signal: controller.signal })) {
      if (row === 5) controller.abort(new Error('enough'));
    }
  };
  await expect(read()).rejects.toThrow('enough');
});

it('the input comes as it was sent, with its format, and only the rows that were asked for', async () => {
  const client = await start((res, { path }) => {
    if (path.includes('outcome=failed')) return void res.writeHead(200, NDJSON).end('{"user_id":1}\n');
    res.writeHead(200, { 'Content-Type': 'text/csv; charset=utf-8' }).end('user_id\nu1\n');
  });
  const failed = await client.input('j1', { outcome: ['failed', 'unprocessed'] });
  expect([failed.format, await textOf(failed.stream)]).toEqual(['ndjson', '{"user_id":1}\n']);
  const all = await client.input('j1');
  expect([all.format, await textOf(all.stream)]).toEqual(['csv', 'user_id\nu1\n']);
  expect(await textOf(await client.resultsCsv('j1', { outcome: 'created' }))).toBe('user_id\nu1\n');
  expect(server.requests.map(({ path, headers }) => [path, headers.accept])).toEqual([
    [
      '/v1/background_jobs/j1/results?outcome=failed%2Cunprocessed&as=input',
      'application/x-ndjson, text/csv',
    ],
    ['/v1/background_jobs/j1/results?as=input', 'application/x-ndjson, text/csv'],
    ['/v1/background_jobs/j1/results?outcome=created', 'text/csv'],
  ]);
});

it('an input that breaks off is unreachable', async () => {
  const client = await start((res) => {
    res.writeHead(200, NDJSON).write('{"user_id":', () => res.socket?.destroy());
  });
  const { stream } = await client.input('j1');
  await expect(textOf(stream)).rejects.toMatchObject({ code: 'unreachable' });
});
