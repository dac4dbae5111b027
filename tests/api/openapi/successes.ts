/** How each documented answer that is no error is brought forth: `METHOD path status`. */
import { FILES } from '#apps/api/reference/files';
import { ENTITIES, type Entity } from '#job/entity';
import { type Produce, queuedJob } from './refusals';
import { WEBHOOK_SUCCESSES } from './webhooks';
import { ask } from './world';

const JOB = '/v1/background_jobs/{job_id}';

/** Reads the same address again with what the first answer says in its ETag. */
const unchanged =
  (path: string): Produce =>
  async ({ idle }) => {
    const first = await ask(idle.url, { path });
    await first.arrayBuffer();
    return ask(idle.url, { path, headers: { 'If-None-Match': first.headers.get('etag') ?? '' } });
  };

const open =
  (path: string): Produce =>
  ({ idle }, Accept) =>
    ask(idle.url, { path, headers: { Accept } });

/** Reads something of the job with a refused row. */
const ofMixedJob =
  (end = ''): Produce =>
  ({ working, mixedJobId }, Accept) =>
    ask(working.url, {
      path: `/v1/background_jobs/${mixedJobId}${end}`,
      key: working.key,
      headers: { Accept },
    });

const jobs: Record<string, Produce> = {
  'POST /v1/track 202': ({ trackingUrl, idle }, Accept) =>
    ask(trackingUrl, { method: 'POST', path: '/v1/track', key: idle.key, body: {}, headers: { Accept } }),
  'GET /v1/background_jobs 200': ({ working }, Accept) =>
    ask(working.url, { path: '/v1/background_jobs', key: working.key, headers: { Accept } }),
  [`GET ${JOB} 200`]: ofMixedJob(),
  [`GET ${JOB} 304`]: async (world, accept) => {
    const first = await ofMixedJob()(world, accept);
    await first.text();
    const { working, mixedJobId } = world;
    return ask(working.url, {
      path: `/v1/background_jobs/${mixedJobId}`,
      key: working.key,
      headers: { 'If-None-Match': first.headers.get('etag') ?? '' },
    });
  },
  [`GET ${JOB}/results 200`]: ofMixedJob('/results'),
  [`GET ${JOB}/warnings 200`]: ofMixedJob('/warnings'),
  [`GET ${JOB}/events 200`]: ofMixedJob('/events'),
  [`GET ${JOB}/events 204`]: async (world, accept) => {
    const events = await (await ofMixedJob('/events')(world, accept)).text();
    const ids = [...events.matchAll(/^id: ?(.*)$/gm)].map(([, id]) => id ?? '');
    const { working, mixedJobId } = world;
    return ask(working.url, {
      path: `/v1/background_jobs/${mixedJobId}/events`,
      key: working.key,
      headers: { 'Last-Event-ID': ids.at(-1) ?? '' },
    });
  },
  [`POST ${JOB}/cancel 202`]: async (world, Accept) => {
    const { key, path } = await queuedJob(world);
    return ask(world.idle.url, { method: 'POST', path: `${path}/cancel`, key, headers: { Accept } });
  },
  [`POST ${JOB}/retry 202`]: async (world, Accept) => {
    const { key, path } = await queuedJob(world);
    await (await ask(world.idle.url, { method: 'POST', path: `${path}/cancel`, key })).text();
    return ask(world.idle.url, { method: 'POST', path: `${path}/retry`, key, headers: { Accept } });
  },
};

function ofEntity(entity: Entity): Record<string, Produce> {
  const { collection, idKey } = ENTITIES[entity];
  const path = `/v1/${collection}`;
  const bulk = `${path}/bulk_identify`;
  /** Something of this kind is stored. */
  const stored: Produce = async ({ working }) => {
    const body = [{ [idKey]: 'stored', metadata: { plan: 'pro', seats: 12, trial: false } }];
    const query = '?on_busy=queue';
    const made = await ask(working.url, { method: 'POST', path: `${bulk}${query}`, key: working.key, body });
    const { job_id: jobId } = (await made.clone().json()) as { job_id: string };
    await working.finished(jobId);
    return made;
  };
  const readStored =
    (request: { method?: string; path: string; body?: unknown }): Produce =>
    async (world, accept) => {
      await stored(world, accept);
      const { url, key } = world.working;
      return ask(url, { ...request, key, headers: { Accept: accept } });
    };
  return {
    [`POST ${bulk} 202`]: async ({ idle, freshKey }, Accept) =>
      ask(idle.url, {
        method: 'POST',
        path: bulk,
        key: await freshKey(),
        body: { [collection]: [{ [idKey]: 'accepted' }] },
        headers: { Accept },
      }),
    [`GET ${path} 200`]: readStored({ path }),
    [`GET ${path}/{${idKey}} 200`]: readStored({ path: `${path}/stored` }),
    [`DELETE ${path} 202`]: readStored({ method: 'DELETE', path, body: { [collection]: ['stored'] } }),
  };
}

const identify =
  (path: string, body: unknown): Produce =>
  ({ working }, Accept) =>
    ask(working.url, { method: 'POST', path, key: working.key, body, headers: { Accept } });

const profiles =
  (request: {
    key?: 'none' | 'read';
    body?: unknown;
    slug?: string;
    headers?: Record<string, string>;
  }): Produce =>
  ({ idle, readKey }, Accept) =>
    ask(idle.url, {
      method: 'POST',
      path: `/api/v1/${request.slug ?? 'default'}/profiles`,
      key: { none: 'wrong', read: readKey, own: idle.key }[request.key ?? 'own'],
      body: request.body ?? { users: [{ external_user_id: 'g', memory: { a: 1 } }] },
      headers: { Accept, ...request.headers },
    });
const many = Array.from({ length: 6 }, (_, n) => ({ external_user_id: `g${n}`, memory: {} }));
const GURUBASE = 'POST /api/v1/{guru_slug}/profiles';

const ofSingleCalls: Record<string, Produce> = {
  'GET /v1/validate 200': ({ working }, Accept) =>
    ask(working.url, { path: '/v1/validate', key: working.key, headers: { Accept } }),
  'POST /v1/identify 202': identify('/v1/identify', { user_id: 'one', unknown: 1 }),
  'POST /v1/companies/identify 202': identify('/v1/companies/identify', { company_id: 'one' }),
  [`${GURUBASE} 200`]: profiles({}),
  [`${GURUBASE} 400`]: profiles({ body: { users: [{ external_user_id: 'g' }] } }),
  [`${GURUBASE} 401`]: profiles({ key: 'none' }),
  [`${GURUBASE} 403`]: profiles({ key: 'read' }),
  [`${GURUBASE} 404`]: profiles({ slug: 'unknown' }),
  [`${GURUBASE} 413`]: profiles({ body: { users: many } }),
  [`${GURUBASE} 415`]: profiles({ body: 'text', headers: { 'Content-Type': 'text/plain' } }),
  [`${GURUBASE} 429`]: async ({ limitedUrl }, Accept) => {
    for (;;) {
      const path = '/api/v1/default/profiles';
      const answer = await ask(limitedUrl, { method: 'POST', path, key: 'wrong', headers: { Accept } });
      if (answer.status === 429) return answer;
      await answer.text();
    }
  },
};

type Request = { method?: string; path: string; key?: 'none' | 'read'; body?: unknown; type?: string };

/** Each call of Jean Technologies' wire, with the example schema in place. */
const ofDomain =
  ({ key = 'none', type, ...request }: Request & { as?: 'wrong' }, prepare: Request[] = []): Produce =>
  async ({ working, idle, readKey }, Accept) => {
    const { url } = working;
    const put = { method: 'PUT', path: '/v1/schema?domain=dating', body: SCHEMA };
    for (const one of [put, ...prepare]) await (await ask(url, { ...one, key: working.key })).text();
    const headers = { Accept, ...(type === undefined ? {} : { 'Content-Type': type }) };
    if (key === 'read') return ask(idle.url, { ...request, key: readKey, headers });
    return ask(url, { ...request, key: request.as ?? working.key, headers });
  };
const SCHEMA = {
  description: 'People.',
  fields: { diet: { type: 'enum', description: 'What they eat.', values: { vegan: [] } } },
};
const JEAN_USER = { user_id: 'jean', domain: 'dating', context: 'Vegan.', fields: { note: 1 } };
const tooOften =
  (method: string, path: string): Produce =>
  async ({ limitedUrl }, Accept) => {
    for (;;) {
      const answer = await ask(limitedUrl, { method, path, key: 'wrong', headers: { Accept } });
      if (answer.status === 429) return answer;
      await answer.text();
    }
  };

function ofJeanWrite(method: string, path: string, body: unknown): Record<string, Produce> {
  const route = `${method} ${path.split('?')[0]}`;
  return {
    [`${route} 200`]: ofDomain({ method, path, body }),
    [`${route} 400`]: ofDomain({ method, path, body: {} }),
    [`${route} 401`]: ofDomain({ method, path, body, as: 'wrong' }),
    [`${route} 403`]: ofDomain({ method, path, body, key: 'read' }),
    [`${route} 413`]: ofDomain({ method, path, body: { pad: 'x'.repeat(1024 * 1024) } }),
    [`${route} 415`]: ofDomain({ method, path, body: 'text', type: 'text/plain' }),
    [`${route} 429`]: tooOften(method, path),
  };
}

function ofJeanRead(route: string, path: string): Record<string, Produce> {
  const stored = [{ method: 'POST', path: '/v1/users', body: JEAN_USER }];
  return {
    [`GET ${route} 200`]: ofDomain({ path: `${path}?domain=dating` }, stored),
    [`GET ${route} 400`]: ofDomain({ path }),
    [`GET ${route} 401`]: ofDomain({ path, as: 'wrong' }),
    [`GET ${route} 404`]: ofDomain({ path: `${path}?domain=unknown` }),
    [`GET ${route} 429`]: tooOften('GET', path),
  };
}

const unknownDomain = { ...JEAN_USER, domain: 'unknown' };
const ofJean: Record<string, Produce> = {
  ...ofJeanWrite('POST', '/v1/users', JEAN_USER),
  'POST /v1/users 404': ofDomain({ method: 'POST', path: '/v1/users', body: unknownDomain }),
  ...ofJeanWrite('POST', '/v1/context', JEAN_USER),
  'POST /v1/context 404': ofDomain({ method: 'POST', path: '/v1/context', body: unknownDomain }),
  ...ofJeanWrite('PUT', '/v1/schema?domain=dating', SCHEMA),
  ...ofJeanRead('/v1/schema', '/v1/schema'),
  'GET /v1/users/{user_id}/domains 200': ofDomain({ path: '/v1/users/jean/domains' }, [
    { method: 'POST', path: '/v1/users', body: JEAN_USER },
  ]),
  'GET /v1/users/{user_id}/domains 400': ofDomain({ path: '/v1/users/jean/domains?nonsense=1' }),
  'GET /v1/users/{user_id}/domains 401': ofDomain({ path: '/v1/users/jean/domains', as: 'wrong' }),
  'GET /v1/users/{user_id}/domains 429': tooOften('GET', '/v1/users/jean/domains'),
  ...ofJeanRead('/v1/users/{user_id}/similar', '/v1/users/jean/similar'),
};

/** A file of the media type that is asked for. */
const fileOf: Produce = ({ idle }, accept) => {
  const [name] = Object.entries(FILES).find(([, { type }]) => type === accept) ?? [];
  return ask(idle.url, { path: `/docs/${name}` });
};

export const SUCCESSES: Record<string, Produce> = {
  ...jobs,
  ...ofEntity('user'),
  ...ofEntity('company'),
  ...ofSingleCalls,
  ...ofJean,
  ...WEBHOOK_SUCCESSES,
  'GET /metrics 200': ({ working }, Accept) =>
    ask(working.url, { path: '/metrics', key: working.key, headers: { Accept } }),
  'GET /v1/environment 200': ({ working }, Accept) =>
    ask(working.url, { path: '/v1/environment', key: working.key, headers: { Accept } }),
  'GET /v1/properties 200': ({ working }, Accept) =>
    ask(working.url, { path: '/v1/properties', key: working.key, headers: { Accept } }),
  'GET /healthz 200': open('/healthz'),
  'GET /readyz 200': open('/readyz'),
  'GET /readyz 503': ({ unavailableUrl }) => ask(unavailableUrl, { path: '/readyz' }),
  'GET /openapi.json 200': open('/openapi.json'),
  'GET /openapi.json 304': unchanged('/openapi.json'),
  'GET /docs 200': open('/docs'),
  'GET /docs 304': unchanged('/docs'),
  'GET /docs/errors 200': open('/docs/errors'),
  'GET /docs/errors 304': unchanged('/docs/errors'),
  'GET /docs/{file} 200': fileOf,
  'GET /docs/{file} 304': unchanged('/docs/swagger-ui.css'),
};
