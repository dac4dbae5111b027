/** How the client's calls look on the wire. */
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { type Client, createClient } from '#client/index';
import { type HttpServer, json, makeJob, serve } from './support/http-server';

let server: HttpServer;
let client: Client;
beforeAll(async () => {
  server = await serve((res, { path }) => {
    if (path.includes('background_jobs?')) {
      const next = '<http://inside.example/v1/background_jobs?cursor=abc&limit=3>; rel="next"';
      return json(res, 200, [makeJob(), makeJob()], path.includes('cursor') ? {} : { Link: next });
    }
    if (path.includes('user_id=')) return json(res, 200, path.endsWith('..') ? [{ user_id: '..' }] : []);
    if (path.includes('readyz')) return json(res, 503, { status: 'not_ready', database: 'down' });
    json(res, 200, makeJob({ count: 2 }));
  });
  client = createClient({ url: `${server.url}/muster/`, apiKey: ' key\n', userAgent: 'tests/1' });
});
afterAll(() => server.close());
beforeEach(() => {
  server.requests.length = 0;
});

const paths = () => server.requests.map(({ method, path }) => `${method} ${path}`);

it('every request is below the path of the address, with the key and the name of the agent', async () => {
  await client.job('j1');
  expect(paths()).toEqual(['GET /muster/v1/background_jobs/j1']);
  expect(server.requests[0]?.headers).toMatchObject({
    authorization: 'Token key',
    'user-agent': 'tests/1',
    accept: 'application/json',
  });
});

it('the path of the address cannot lead to another host', async () => {
  const { host } = new URL(server.url);
  await createClient({ url: `http://${host}//elsewhere.example/`, apiKey: 'k' }).job('j1');
  expect(paths()).toEqual(['GET //elsewhere.example/v1/background_jobs/j1']);
});

it('ids go as they are, whatever they are made of', async () => {
  await client.job('bulk:jobs:default:1');
  await client.user('a/b?c=d#e%2F ü');
  await client.company('c/1');
  await client.user('..');
  expect(paths()).toEqual([
    'GET /muster/v1/background_jobs/bulk%3Ajobs%3Adefault%3A1',
    'GET /muster/v1/users/a%2Fb%3Fc%3Dd%23e%252F%20%C3%BC',
    'GET /muster/v1/companies/c%2F1',
    'GET /muster/v1/users?user_id=..',
  ]);
});

it('an id that no path can carry is looked for in the list, and may be unknown there', async () => {
  expect(await client.user('..')).toEqual({ user_id: '..' });
  await expect(client.user('.')).rejects.toMatchObject({ status: 404, code: 'user_not_found' });
  await expect(client.user('')).rejects.toMatchObject({ status: 404, code: 'user_not_found' });
  await expect(client.job('')).rejects.toThrow(TypeError);
  await expect(client.cancel('..')).rejects.toThrow(TypeError);
});

it('the list of jobs takes from the link to the next page only its parameters, never its host', async () => {
  const ids = [];
  for await (const job of client.jobs({ status: 'processing', type: 'bulk_identify_users', limit: 3 })) {
    ids.push(job.job_id);
  }
  expect(ids).toHaveLength(3);
  expect(paths()).toEqual([
    'GET /muster/v1/background_jobs?status=processing&type=bulk_identify_users&limit=3',
    'GET /muster/v1/background_jobs?cursor=abc&limit=3',
  ]);
});

it('the list of jobs asks for a page only when it is needed', async () => {
  for await (const _job of client.jobs()) break;
  expect(paths()).toEqual(['GET /muster/v1/background_jobs?limit=100']);
});

it('ids to be erased go as one list', async () => {
  expect(await client.deleteUsers(['u1', 'u2'])).toBe(2);
  expect(await client.deleteCompanies(['c1'])).toBe(2);
  expect(paths()).toEqual(['DELETE /muster/v1/users', 'DELETE /muster/v1/companies']);
  expect(server.requests.map(({ body }) => body.toString())).toEqual([
    '{"users":["u1","u2"]}',
    '{"companies":["c1"]}',
  ]);
});

it('a service that is not ready says so in one answer', async () => {
  expect(await client.health()).toMatchObject({ status: 'not_ready', database: 'down' });
  expect(paths()).toEqual(['GET /muster/readyz']);
});
