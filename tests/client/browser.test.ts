/** The client needs nothing that a browser does not have. */
import { createContext, runInContext } from 'node:vm';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import type * as sdk from '#client/index';
import { fileOf, type HttpServer, json, makeJob, serve } from './support/http-server';

/** What the client takes from its surroundings, and every current browser has, also on a page without HTTPS. */
const WEB = {
  AbortController,
  AbortSignal,
  Blob,
  FormData,
  Headers,
  ReadableStream,
  TextDecoder,
  URL,
  URLSearchParams,
  clearTimeout,
  performance,
  setTimeout,
  crypto: { getRandomValues: (bytes: Uint8Array) => crypto.getRandomValues(bytes) },
};

let server: HttpServer;
let muster: typeof sdk;
beforeAll(async () => {
  server = await serve((res) => json(res, 202, makeJob({ status: 'completed' })));
  const { outputFiles } = await build({
    entryPoints: ['src/client/index.ts'],
    bundle: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'muster',
    write: false,
  });
  const page = createContext({ ...WEB, fetch: (url: URL, init: RequestInit) => fetch(String(url), init) });
  runInContext(outputFiles[0]?.text ?? '', page);
  muster = page.muster;
});
afterAll(() => server.close());

it('it is bundled without a module of Node, imports and watches with the objects of a browser alone', async () => {
  const client = muster.createClient({ url: server.url, apiKey: 'k' });
  const job = await client.importUsers([{ user_id: 'u1' }]);
  for await (const seen of client.watch(job.job_id)) expect(seen.status).toBe('completed');
  const [upload] = server.requests;
  if (upload === undefined) throw new Error('nothing was sent');
  expect(await (await fileOf(upload)).text()).toBe('{"user_id":"u1"}\n');
  expect(upload.headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/);
});
