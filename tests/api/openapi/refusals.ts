/** How each documented error is brought forth: `METHOD path status code`, and codes that come the same way everywhere. */
import { get } from 'node:http';
import { ENTITIES, type Entity } from '#job/entity';
import { waitFor } from '../../support/wait';
import { FORM_TYPE, filePart, form, textPart } from '../support/form';
import { openRaw } from '../support/raw-http';
import type { Operation } from './document';
import { WEBHOOK_REFUSALS } from './webhooks';
import { ask, UNKNOWN_JOB, type World } from './world';

/** Brings an answer forth. @param accept value of the header Accept */
export type Produce = (world: World, accept: string) => Promise<Response>;

/** Codes that every operation answers in the same situation. */
export function common(operation: Operation, code: string): Produce | undefined {
  const { method } = operation;
  const path = operation.path.replaceAll(/\{\w+\}/g, UNKNOWN_JOB);
  const table: Record<string, Produce> = {
    unauthorized: ({ idle }, Accept) => ask(idle.url, { method, path, headers: { Accept } }),
    forbidden: ({ idle, readKey }, Accept) =>
      ask(idle.url, { method, path, key: readKey, headers: { Accept } }),
    invalid_parameter: ({ idle }, Accept) =>
      ask(idle.url, { method, path: `${path}?nonsense=1`, key: idle.key, headers: { Accept } }),
    invalid_request: ({ idle }, Accept) =>
      ask(idle.url, {
        method,
        path: operation.path.replaceAll(/\{\w+\}/g, '%zz'),
        key: idle.key,
        headers: { Accept },
      }),
    rate_limited: async ({ limitedUrl }, Accept) => {
      for (;;) {
        const answer = await ask(limitedUrl, { method, path, key: 'wrong', headers: { Accept } });
        if (answer.status === 429) return answer;
        await answer.text();
      }
    },
    internal: ({ faultyUrl, idle }, Accept) =>
      ask(faultyUrl, { method, path, key: idle.key, headers: { Accept } }),
    unavailable: ({ unavailableUrl, idle }, Accept) =>
      ask(unavailableUrl, { method, path, key: idle.key, headers: { Accept } }),
  };
  return table[code];
}

/** Addresses that are open, and take no parameter that could be wrong. */
const OPEN_PATHS = ['/healthz', '/readyz', '/openapi.json', '/docs', '/docs/errors'];

/** Of a request whose Host is none, which fetch does not send. */
function ofNoHost(path: string): Produce {
  return ({ idle }, Accept) =>
    new Promise((resolve, reject) => {
      get(`${idle.url}${path}`, { headers: { Host: 'no host', Accept } }, async (answer) => {
        const chunks: Buffer[] = [];
        for await (const chunk of answer) chunks.push(chunk as Buffer);
        const headers = Object.entries(answer.headers).map(([name, value]): [string, string] => [
          name,
          String(value),
        ]);
        resolve(new Response(Buffer.concat(chunks), { status: answer.statusCode ?? 0, headers }));
      }).on('error', reject);
    });
}

function ofImports(entity: Entity): Record<string, Produce> {
  const { collection, idKey, missingCode } = ENTITIES[entity];
  const path = `/v1/${collection}/bulk_identify`;
  const route = `POST ${path}`;
  const rows = (count: number) => Array.from({ length: count }, (_, n) => ({ [idKey]: `row-${n}` }));
  const send =
    (body: unknown, headers: Record<string, string> = {}): Produce =>
    async ({ idle, freshKey }, Accept) =>
      ask(idle.url, { method: 'POST', path, key: await freshKey(), body, headers: { Accept, ...headers } });
  const sendForm = (...parts: Buffer[]) => send(form(...parts), { 'Content-Type': FORM_TYPE });
  return {
    [`${route} 400 invalid_json`]: send('{'),
    [`${route} 400 ${missingCode}`]: send({}),
    [`${route} 400 empty_import`]: send([]),
    [`${route} 400 invalid_multipart`]: send(form(), { 'Content-Type': 'multipart/form-data' }),
    [`${route} 400 file_missing`]: sendForm(),
    [`${route} 400 unexpected_field`]: sendForm(textPart('other')),
    [`${route} 400 too_many_files`]: sendForm(filePart(), filePart()),
    [`${route} 413 payload_too_large`]: send([{ [idKey]: 'large', metadata: { pad: 'x'.repeat(3_000) } }]),
    [`${route} 413 too_many_rows`]: send(rows(6)),
    [`${route} 415 unsupported_media_type`]: send('text', { 'Content-Type': 'text/plain' }),
    [`${route} 409 job_in_progress`]: async ({ idle, freshKey }, Accept) => {
      const request = { method: 'POST', path, key: await freshKey(), body: rows(1), headers: { Accept } };
      await (await ask(idle.url, request)).text();
      return ask(idle.url, request);
    },
    [`${route} 422 idempotency_key_reused`]: async ({ idle, freshKey }, Accept) => {
      const request = {
        method: 'POST',
        path,
        key: await freshKey(),
        headers: { Accept, 'Idempotency-Key': 'k' },
      };
      await (await ask(idle.url, { ...request, body: rows(1) })).text();
      return ask(idle.url, { ...request, body: rows(2) });
    },
    [`${route} 409 idempotency_key_in_flight`]: inFlight(path, rows(1)),
    [`${route} 507 storage_full`]: async (world, Accept) => {
      const { key, path: job } = await queuedJob(world);
      await (await ask(world.idle.url, { method: 'POST', path: `${job}/cancel`, key })).text();
      return ask(world.fullUrl, { method: 'POST', path, key, body: rows(1), headers: { Accept } });
    },
  };
}

/** The first request with the key is being received when the second one comes. */
function inFlight(path: string, body: unknown): Produce {
  return async ({ idle, freshKey }, Accept) => {
    const key = await freshKey();
    const head = [
      `POST ${path} HTTP/1.1`,
      'Host: localhost',
      `Authorization: Token ${key}`,
      'Content-Type: application/json',
      'Content-Length: 100',
      'Idempotency-Key: k',
      'Expect: 100-continue',
      '\r\n',
    ];
    const first = await openRaw(idle.url);
    try {
      await first.write(head.join('\r\n'));
      await waitFor('the first request to be received', () => first.received().includes('100 Continue'));
      const headers = { Accept, 'Idempotency-Key': 'k' };
      return await ask(idle.url, { method: 'POST', path, key, body, headers });
    } finally {
      await first.reset();
    }
  };
}

function ofProfiles(entity: Entity): Record<string, Produce> {
  const { collection, idKey, missingCode } = ENTITIES[entity];
  const path = `/v1/${collection}`;
  const erase =
    (body: unknown, headers: Record<string, string> = {}): Produce =>
    ({ idle }, Accept) =>
      ask(idle.url, { method: 'DELETE', path, key: idle.key, body, headers: { Accept, ...headers } });
  return {
    [`GET ${path}/{${idKey}} 404 ${entity}_not_found`]: ({ idle }, Accept) =>
      ask(idle.url, { path: `${path}/nobody`, key: idle.key, headers: { Accept } }),
    [`DELETE ${path} 400 invalid_json`]: erase('{'),
    [`DELETE ${path} 400 ${missingCode}`]: erase({}),
    [`DELETE ${path} 413 payload_too_large`]: erase({ [collection]: ['x'.repeat(1024 * 1024)] }),
    [`DELETE ${path} 415 unsupported_media_type`]: erase('text', { 'Content-Type': 'text/plain' }),
  };
}

const JOB = '/v1/background_jobs/{job_id}';

/** A job of a fresh environment without a worker: it stays queued. */
export async function queuedJob({ idle, freshKey }: World): Promise<{ key: string; path: string }> {
  const key = await freshKey();
  const request = { method: 'POST', path: '/v1/users/bulk_identify', key, body: [{ user_id: 'queued' }] };
  const { job_id: jobId } = (await (await ask(idle.url, request)).json()) as { job_id: string };
  return { key, path: `/v1/background_jobs/${jobId}` };
}

const unknownJob =
  (method: string, end = ''): Produce =>
  ({ idle }, Accept) =>
    ask(idle.url, {
      method,
      path: `/v1/background_jobs/${UNKNOWN_JOB}${end}`,
      key: idle.key,
      headers: { Accept },
    });

const ofJobs: Record<string, Produce> = {
  [`GET ${JOB} 404 job_not_found`]: unknownJob('GET'),
  [`GET ${JOB}/results 404 job_not_found`]: unknownJob('GET', '/results'),
  [`GET ${JOB}/warnings 404 job_not_found`]: unknownJob('GET', '/warnings'),
  [`GET ${JOB}/events 404 job_not_found`]: unknownJob('GET', '/events'),
  [`POST ${JOB}/cancel 404 job_not_found`]: unknownJob('POST', '/cancel'),
  [`POST ${JOB}/retry 404 job_not_found`]: unknownJob('POST', '/retry'),
  [`POST ${JOB}/cancel 409 job_finished`]: ({ working, cleanJobId }, Accept) =>
    ask(working.url, {
      method: 'POST',
      path: `/v1/background_jobs/${cleanJobId}/cancel`,
      key: working.key,
      headers: { Accept },
    }),
  [`POST ${JOB}/retry 409 nothing_to_retry`]: ({ working, cleanJobId }, Accept) =>
    ask(working.url, {
      method: 'POST',
      path: `/v1/background_jobs/${cleanJobId}/retry`,
      key: working.key,
      headers: { Accept },
    }),
  [`POST ${JOB}/retry 409 job_not_finished`]: async (world, Accept) => {
    const { key, path } = await queuedJob(world);
    return ask(world.idle.url, { method: 'POST', path: `${path}/retry`, key, headers: { Accept } });
  },
  [`POST ${JOB}/retry 507 storage_full`]: async (world, Accept) => {
    const { key, path } = await queuedJob(world);
    await (await ask(world.idle.url, { method: 'POST', path: `${path}/cancel`, key })).text();
    return ask(world.fullUrl, { method: 'POST', path: `${path}/retry`, key, headers: { Accept } });
  },
  [`POST ${JOB}/retry 409 job_in_progress`]: async (world, Accept) => {
    const { key, path } = await queuedJob(world);
    await (await ask(world.idle.url, { method: 'POST', path: `${path}/cancel`, key })).text();
    const other = { method: 'POST', path: '/v1/users/bulk_identify', key, body: [{ user_id: 'other' }] };
    await (await ask(world.idle.url, other)).text();
    return ask(world.idle.url, { method: 'POST', path: `${path}/retry`, key, headers: { Accept } });
  },
};

function ofIdentify(path: string): Record<string, Produce> {
  const route = `POST ${path}`;
  const send =
    (body: unknown, headers: Record<string, string> = {}): Produce =>
    ({ idle }, Accept) =>
      ask(idle.url, { method: 'POST', path, key: idle.key, body, headers: { Accept, ...headers } });
  return {
    [`${route} 400 invalid_json`]: send('{'),
    [`${route} 400 row_refused`]: send({}),
    [`${route} 413 payload_too_large`]: send({ pad: 'x'.repeat(1024 * 1024) }),
    [`${route} 415 unsupported_media_type`]: send('text', { 'Content-Type': 'text/plain' }),
  };
}

export const REFUSALS: Record<string, Produce> = {
  ...ofIdentify('/v1/identify'),
  ...ofIdentify('/v1/companies/identify'),
  ...Object.fromEntries(OPEN_PATHS.map((path) => [`GET ${path} 400 invalid_request`, ofNoHost(path)])),
  'POST /v1/track 501 not_supported': ({ idle }, Accept) =>
    ask(idle.url, { method: 'POST', path: '/v1/track', key: idle.key, body: {}, headers: { Accept } }),
  ...ofImports('user'),
  ...ofImports('company'),
  ...ofProfiles('user'),
  ...ofProfiles('company'),
  ...ofJobs,
  ...WEBHOOK_REFUSALS,
  'GET /docs/{file} 404 not_found': ({ idle }, Accept) =>
    ask(idle.url, { path: '/docs/package.json', headers: { Accept } }),
};
