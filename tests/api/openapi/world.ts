/** Services in the states that bring forth every documented answer. */
import { randomUUID } from 'node:crypto';
import { serveApi } from '#apps/api/serve';
import { createLogger } from '#logger';
import { openQueue } from '#queue/open-queue';
import { ensureKey, generateKey } from '#store/api-keys';
import { openStore } from '#store/client';
import { asOwner } from '../../support/database';
import { type Muster, startMuster, unique } from '../../support/muster';

/** Small, so that a request is easily over them. */
const LIMITS = { maxRows: 5, maxBytes: 2_000 };
/** With one job kept by an earlier import nothing more may come. */
const FULL = { maxStoredBytes: 1 };
/** Nothing listens on it: reserved, and below what a system gives away. */
const CLOSED_PORT = 1;

export interface World {
  /** Jobs go on to their end. */
  working: Muster;
  /** Has no worker: jobs stay queued until they are canceled. */
  idle: Muster;
  /** Every look for a key is a fault of the service. */
  faultyUrl: string;
  /** Its database is away. */
  unavailableUrl: string;
  /** Another API of `idle`, for whoever tries too many keys. */
  limitedUrl: string;
  /** Another API of `idle`, of which every environment that keeps an import is full. */
  fullUrl: string;
  /** Another API of `idle`, which lets events pass. */
  trackingUrl: string;
  /** Key of `idle` that may only read. */
  readKey: string;
  /** Of `working`: a job with a created row, a refused one and a warning; and one whose rows all went well. */
  mixedJobId: string;
  cleanJobId: string;
  /** A key of a new environment of `idle`, whose slot is free. */
  freshKey(): Promise<string>;
  close(): Promise<void>;
}

export async function createWorld(): Promise<World> {
  const [working, idle, faulty] = await Promise.all([
    startMuster(LIMITS),
    startMuster({ ...LIMITS, workers: 0, apis: 2 }),
    startMuster({ workers: 0 }),
  ]);
  await asOwner(faulty.databaseUrl, 'ALTER TABLE api_keys RENAME TO api_keys_gone');
  const unavailable = await startUnavailable(working);
  const full = await serveApi({
    ...idle,
    settings: { ...idle.settings, ...FULL },
    logger: createLogger('test', 'silent'),
  });
  const tracking = await serveApi({
    ...idle,
    settings: { ...idle.settings, track: 'ignore' },
    logger: createLogger('test', 'silent'),
  });
  const readKey = generateKey();
  await ensureKey(idle.store, idle.environmentId, readKey, 'read');
  const mixed = await working.importRows([
    { user_id: 'mixed', company_id: 'c', metadata: { plan: 'pro', seats: 12 }, unknown: 1 },
    { company_id: 'without-user' },
  ]);
  const clean = await working.importRows([{ user_id: 'clean' }]);
  return {
    working,
    idle,
    faultyUrl: faulty.url,
    unavailableUrl: unavailable.url,
    fullUrl: full.url,
    trackingUrl: tracking.url,
    limitedUrl: idle.urls[1] ?? '',
    readKey,
    mixedJobId: mixed.job_id,
    cleanJobId: clean.job_id,
    freshKey: async () => (await idle.addEnvironment(`e-${unique()}`)).key,
    async close() {
      await Promise.all([unavailable.close(), full.close(), tracking.close()]);
      await Promise.all([working.close(), idle.close(), faulty.close()]);
    },
  };
}

async function startUnavailable({ databaseUrl, settings }: Muster) {
  const url = new URL(databaseUrl);
  url.port = String(CLOSED_PORT);
  const logger = createLogger('test', 'silent');
  const store = openStore({ databaseUrl: url.href, connections: 2, logger });
  const queue = openQueue({ databaseUrl: url.href, redisUrl: undefined, installationId: '', logger });
  const listener = await serveApi({ store, queue, logger, databaseUrl: url.href, settings });
  return {
    url: listener.url,
    async close() {
      await listener.close();
      await queue.close();
      await store.close();
    },
  };
}

/** One request. A body that is no text is sent as JSON. */
export interface Ask {
  method?: string;
  path: string;
  key?: string | undefined;
  headers?: Record<string, string>;
  body?: unknown;
}

export function ask(url: string, { method = 'GET', path, key, headers, body }: Ask): Promise<Response> {
  const isRaw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
  return fetch(`${url}${path}`, {
    method,
    headers: {
      ...(key === undefined ? {} : { Authorization: `Token ${key}` }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: isRaw ? (body as RequestInit['body']) : JSON.stringify(body) }),
  });
}

export const UNKNOWN_JOB = randomUUID();
