/** Optional providers, against a stand-in on this machine: used when they answer well, and done without when they do not. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { extractByProvider } from '#apps/api/dialects/jean/providers/extract-by-provider';
import { serveApi } from '#apps/api/serve';
import { createLogger } from '#logger';
import { compileExample } from '../../../bench/extraction/quality';
import { type Muster, startMuster, unique } from '../../support/muster';
import { putExamples, send } from './jean';

const TEXT = 'I am 32 years old and vegan.';
const KEY = 'provider-key';

interface Asked {
  url: string | undefined;
  authorization: string | undefined;
  body: ReturnType<typeof JSON.parse>;
}

let muster: Muster;
let provider: Server;
let base: string;
/** What the stand-in was asked, and how it answers. */
let asked: Asked[] = [];
let answer: (request: Asked, res: ServerResponse) => void;
/** An API with both providers. */
let api: { url: string; close(): Promise<void> };

const completion = (fields: object) => ({ choices: [{ message: { content: JSON.stringify(fields) } }] });
const json = (value: unknown) => (_request: Asked, res: ServerResponse) =>
  void res.end(JSON.stringify(value));
/** Vectors of three dimensions: by diet. */
const both = (request: Asked, res: ServerResponse) => {
  if (request.url === '/v1/embeddings') {
    const vector = [1, String(request.body.input).includes('vegan') ? 1 : 0, 0.5];
    json({ data: [{ embedding: vector }] })(request, res);
  } else json(completion({ age: 41, diet: 'vegan', location: null, unknown: 1 }))(request, res);
};

async function read(req: IncomingMessage): Promise<Asked> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  const { url, headers } = req;
  return {
    url,
    authorization: headers.authorization,
    body: JSON.parse(Buffer.concat(chunks).toString('utf8')),
  };
}

beforeAll(async () => {
  provider = createServer(async (req, res) => {
    const request = await read(req);
    asked.push(request);
    answer(request, res);
  });
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(provider.address() as AddressInfo).port}/v1`;
  muster = await startMuster({ workers: 0 });
  await putExamples(muster);
  const both = { url: base, model: 'stand-in', apiKey: KEY };
  api = await serveApi({
    ...muster,
    logger: createLogger('test', 'silent'),
    settings: { ...muster.settings, extraction: both, embeddings: both },
  });
});
afterAll(async () => {
  await api.close();
  await muster.close();
  provider.closeAllConnections();
  await new Promise((resolve) => provider.close(resolve));
});
beforeEach(() => {
  asked = [];
  answer = both;
});

const upsert = (id: string, context = TEXT) =>
  send(muster, 'POST', '/v1/users', { user_id: id, domain: 'dating', context }, { url: api.url });

describe('extraction by a provider', () => {
  it('asks with the schema and takes what fits it', async () => {
    const id = unique();
    const { body } = await upsert(id);
    expect(body).toMatchObject({ fields: { age: 41, diet: 'vegan' }, extraction: { by: 'stand-in' } });
    expect(Object.keys(body.fields)).toEqual(['age', 'diet']);
    const [request] = asked;
    expect(request).toMatchObject({
      url: '/v1/chat/completions',
      authorization: `Bearer ${KEY}`,
      body: { model: 'stand-in', response_format: { type: 'json_schema', json_schema: { strict: true } } },
    });
    const { schema } = request?.body.response_format.json_schema ?? {};
    expect(schema.properties.diet).toMatchObject({
      type: ['string', 'null'],
      enum: expect.arrayContaining(['vegan', null]),
    });
    const { body: why } = await send(muster, 'GET', `/v1/users/${id}?domain=dating&explain=true`);
    expect(why.provenance.age).toMatchObject({ source: 'extracted', rule: 'provider.stand-in', spans: [] });
  });

  it('leaves out values that break the schema', async () => {
    answer = json(completion({ age: 'old', diet: 'air', height_cm: 9_000, interests: [1], smoker: true }));
    expect((await upsert(unique())).body.fields).toEqual({ smoker: true });
  });

  it.each([
    ['an error', (_: Asked, res: ServerResponse) => void res.writeHead(500).end('secret'), 'refused'],
    ['no JSON', (_: Asked, res: ServerResponse) => void res.end('secret'), 'invalid_answer'],
    ['another shape', json({ choices: [] }), 'invalid_answer'],
    ['content that is no JSON', json({ choices: [{ message: { content: 'secret' } }] }), 'invalid_answer'],
    ['a connection that breaks', (_: Asked, res: ServerResponse) => void res.destroy(), 'unreachable'],
    [
      'a redirect',
      (_: Asked, res: ServerResponse) => void res.writeHead(302, { Location: base }).end(),
      'unreachable',
    ],
    [
      'more than 4 MiB',
      (_: Asked, res: ServerResponse) => void res.end('x'.repeat(5 * 1024 * 1024)),
      'invalid_answer',
    ],
  ])('falls back to the rules and says so: %s', async (_, how, fallback) => {
    answer = (request, res) => (request.url === '/v1/embeddings' ? both(request, res) : how(request, res));
    const { status, body, text } = await upsert(unique());
    expect(status).toBe(200);
    expect(body).toMatchObject({ fields: { age: 32, diet: 'vegan' }, extraction: { by: 'rules', fallback } });
    expect(text).not.toContain('secret');
  });

  it('gives up on a provider that does not answer in time', async () => {
    answer = () => undefined;
    const slow = extractByProvider(
      { url: base, model: 'm', apiKey: undefined },
      compileExample('dating'),
      TEXT,
      50,
    );
    await expect(slow).rejects.toMatchObject({ fault: 'timeout' });
  });
});

describe('vectors by a provider', () => {
  it('are made of fields and texts without extras, and compared with each other only', async () => {
    await send(muster, 'POST', '/v1/users', { user_id: 'by-hash', domain: 'dating', context: TEXT });
    const fields = { note: 'extra-canary' };
    await send(
      muster,
      'POST',
      '/v1/users',
      { user_id: 'one', domain: 'dating', context: TEXT, fields },
      { url: api.url },
    );
    const { body } = await upsert('two');
    expect(body.embeddings).toEqual({ dating: { dim: 3, version: 'dating-stand-in', model: 'stand-in' } });
    const inputs = asked.filter(({ url }) => url === '/v1/embeddings').map((request) => request.body.input);
    expect(inputs[0]).toContain('diet: vegan');
    expect(inputs[0]).toContain(TEXT);
    expect(inputs[0]).not.toContain('canary');
    const similar = await send(muster, 'GET', '/v1/users/two/similar?domain=dating&limit=100', undefined, {
      url: api.url,
    });
    const ids = similar.body.similar.map(({ user_id }: { user_id: string }) => user_id);
    expect(ids).toContain('one');
    expect(ids).not.toContain('by-hash');
    expect(
      (await send(muster, 'GET', '/v1/users/by-hash/similar?domain=dating', undefined, { url: api.url })).body
        .embedding.dim,
    ).toBe(3);
  });

  it('that are not made leave the user stored, with a warning; who asks for similar users is told to come again', async () => {
    answer = (request, res) =>
      request.url === '/v1/embeddings' ? void res.writeHead(500).end() : both(request, res);
    const id = unique();
    const { status, body } = await upsert(id);
    expect({ status, embeddings: body.embeddings, warnings: body.warnings }).toEqual({
      status: 200,
      embeddings: {},
      warnings: [{ code: 'embedding_failed', path: 'embeddings.dating' }],
    });
    const path = `/v1/users/${id}/similar?domain=dating`;
    const refused = await send(muster, 'GET', path, undefined, { url: api.url });
    expect(refused).toMatchObject({
      status: 503,
      body: { error: { code: 'unavailable', details: { fault: 'refused' } } },
    });
    answer = both;
    expect((await send(muster, 'GET', path, undefined, { url: api.url })).status).toBe(200);
  });
});
