/** How each documented answer about webhooks is brought forth. */
import type { Produce } from './refusals';
import { ask, UNKNOWN_JOB, type World } from './world';

const WEBHOOKS = '/v1/webhooks';
const WEBHOOK = `${WEBHOOKS}/{id}`;
const TARGET = { url: 'https://1.1.1.1/hook', events: ['job.completed'] };

async function made({ idle, freshKey }: World): Promise<{ key: string; path: string }> {
  const key = await freshKey();
  const answer = await ask(idle.url, { method: 'POST', path: WEBHOOKS, key, body: TARGET });
  const { id } = (await answer.json()) as { id: string };
  return { key, path: `${WEBHOOKS}/${id}` };
}

/** Asks for something of a webhook that there is. */
const ofMade =
  (method: string, end = '', body?: unknown): Produce =>
  async (world, Accept) => {
    const { key, path } = await made(world);
    return ask(world.idle.url, { method, path: `${path}${end}`, key, body, headers: { Accept } });
  };

const ofUnknown =
  (method: string, end = ''): Produce =>
  ({ idle }, Accept) =>
    ask(idle.url, {
      method,
      path: `${WEBHOOKS}/${UNKNOWN_JOB}${end}`,
      key: idle.key,
      headers: { Accept },
      ...(method === 'PATCH' && { body: {} }),
    });

const post =
  (body: unknown, headers: Record<string, string> = {}): Produce =>
  async ({ idle, freshKey }, Accept) =>
    ask(idle.url, {
      method: 'POST',
      path: WEBHOOKS,
      key: await freshKey(),
      body,
      headers: { Accept, ...headers },
    });

const patch =
  (body: unknown, headers: Record<string, string> = {}): Produce =>
  async (world, Accept) => {
    const { key, path } = await made(world);
    return ask(world.idle.url, { method: 'PATCH', path, key, body, headers: { Accept, ...headers } });
  };

const PLAIN = { 'Content-Type': 'text/plain' };
const LARGE = { ...TARGET, description: 'x'.repeat(1024 * 1024) };
const PRIVATE = { ...TARGET, url: 'http://127.0.0.1/' };

export const WEBHOOK_SUCCESSES: Record<string, Produce> = {
  [`GET ${WEBHOOKS} 200`]: async (world, Accept) => {
    const { key } = await made(world);
    return ask(world.idle.url, { path: WEBHOOKS, key, headers: { Accept } });
  },
  [`POST ${WEBHOOKS} 201`]: post(TARGET),
  [`GET ${WEBHOOK} 200`]: ofMade('GET'),
  [`PATCH ${WEBHOOK} 200`]: patch({ enabled: false }),
  [`DELETE ${WEBHOOK} 204`]: ofMade('DELETE'),
  [`POST ${WEBHOOK}/rotate 200`]: ofMade('POST', '/rotate'),
  [`POST ${WEBHOOK}/test 202`]: ofMade('POST', '/test'),
  [`GET ${WEBHOOK}/deliveries 200`]: async (world, Accept) => {
    const { key, path } = await made(world);
    await (await ask(world.idle.url, { method: 'POST', path: `${path}/test`, key })).text();
    return ask(world.idle.url, { path: `${path}/deliveries`, key, headers: { Accept } });
  },
  [`POST ${WEBHOOK}/deliveries/{delivery_id}/replay 202`]: async (world, Accept) => {
    const { key, path } = await made(world);
    const test = await ask(world.idle.url, { method: 'POST', path: `${path}/test`, key });
    const { id } = (await test.json()) as { id: string };
    const replay = `${path}/deliveries/${id}/replay`;
    return ask(world.idle.url, { method: 'POST', path: replay, key, headers: { Accept } });
  },
};

export const WEBHOOK_REFUSALS: Record<string, Produce> = {
  [`POST ${WEBHOOKS} 400 invalid_json`]: post('{'),
  [`POST ${WEBHOOKS} 400 invalid_webhook`]: post({}),
  [`POST ${WEBHOOKS} 400 target_not_allowed`]: post(PRIVATE),
  [`POST ${WEBHOOKS} 413 payload_too_large`]: post(LARGE),
  [`POST ${WEBHOOKS} 415 unsupported_media_type`]: post('text', PLAIN),
  [`PATCH ${WEBHOOK} 400 invalid_json`]: patch('{'),
  [`PATCH ${WEBHOOK} 400 invalid_webhook`]: patch({ enabled: 'yes' }),
  [`PATCH ${WEBHOOK} 400 target_not_allowed`]: patch(PRIVATE),
  [`PATCH ${WEBHOOK} 413 payload_too_large`]: patch(LARGE),
  [`PATCH ${WEBHOOK} 415 unsupported_media_type`]: patch('text', PLAIN),
  [`GET ${WEBHOOK} 404 webhook_not_found`]: ofUnknown('GET'),
  [`PATCH ${WEBHOOK} 404 webhook_not_found`]: ofUnknown('PATCH'),
  [`DELETE ${WEBHOOK} 404 webhook_not_found`]: ofUnknown('DELETE'),
  [`POST ${WEBHOOK}/rotate 404 webhook_not_found`]: ofUnknown('POST', '/rotate'),
  [`POST ${WEBHOOK}/test 404 webhook_not_found`]: ofUnknown('POST', '/test'),
  [`GET ${WEBHOOK}/deliveries 404 webhook_not_found`]: ofUnknown('GET', '/deliveries'),
  [`POST ${WEBHOOK}/deliveries/{delivery_id}/replay 404 webhook_not_found`]: ofUnknown(
    'POST',
    `/deliveries/${UNKNOWN_JOB}/replay`,
  ),
};
