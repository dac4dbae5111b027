/**
 * Directus: a data platform upon an SQL database, here one of its own in the server that ours uses. Its import takes the
 * whole file in one request, POST /utils/import, and answers when every row is committed: one transaction, row after row
 * a look for the key and an INSERT or UPDATE. It takes JSON arrays, no NDJSON, so the file is put into brackets and
 * commas beforehand, uncounted. Made easy for it: no activity log and no revisions for the collection (accountability
 * null), no cache, no rate limit, no telemetry, logs errors only. The metadata is replaced, which is a merge here, because
 * the rows carry every key each time.
 */
import { randomUUID } from 'node:crypto';
import { Agent } from 'node:http';
import path from 'node:path';
import { freePort } from '#apps/standalone/free-port';
import { toForm } from '../form';
import { sendRequest } from '../send-request';
import type { Service } from '../service';
import { databaseUrl } from './database-url';
import { installPeer } from './install-peer';
import { checkStored, type Peer, rowsPerSecond, toLines } from './peer';
import { type DataFolder, makeDataFolder, runPeer, startPeer } from './peer-process';

/** The newest that is said to run on Node 20. */
export const DIRECTUS_VERSION = '11.3.5';
const PACKAGES = {
  name: 'directus',
  version: DIRECTUS_VERSION,
  packages: { directus: DIRECTUS_VERSION },
  compile: ['isolated-vm'],
};
/** The command `directus` without its look for a newer version. */
const PROGRAM = 'node_modules/@directus/api/dist/cli/run.js';
const DATABASE = 'directus';
const EMAIL = 'admin@example.com';
const PASSWORD = 'bench-only-password';
const COLLECTION = {
  collection: 'imported_users',
  meta: { accountability: null },
  schema: {},
  fields: [
    { field: 'user_id', type: 'string', schema: { is_primary_key: true } },
    { field: 'company_id', type: 'string', schema: { is_indexed: true } },
    { field: 'metadata', type: 'json', meta: { special: ['cast-json'] } },
    { field: 'created_at', type: 'timestamp', meta: { special: ['date-created'] } },
    { field: 'updated_at', type: 'timestamp', meta: { special: ['date-updated'] } },
  ],
};

/** @throws Error when it cannot be installed or does not start */
export async function openDirectus(service: Service, progress: (words: string) => void): Promise<Peer> {
  const installed = await installPeer(PACKAGES, progress);
  await service.database.query(`CREATE DATABASE ${DATABASE}`);
  const database = new URL(databaseUrl(service));
  database.pathname = DATABASE;
  const data = makeDataFolder();
  try {
    return await startServer(path.join(installed, PROGRAM), database.href, data);
  } catch (error) {
    data.remove();
    throw error;
  }
}

async function startServer(program: string, database: string, data: DataFolder): Promise<Peer> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const command = (word: 'bootstrap' | 'start') => ({
    name: 'Directus',
    program: process.execPath,
    args: [program, word],
    folder: data.path,
    environment: settings(database, port, data.path),
  });
  await runPeer(command('bootstrap'));
  const stop = await startPeer(command('start'), `${url}/server/ping`);
  const agent = new Agent({ keepAlive: true });
  try {
    const body = JSON.stringify({ email: EMAIL, password: PASSWORD });
    const answer = await sendRequest({ method: 'POST', url: `${url}/auth/login`, agent, body });
    const token = (JSON.parse(answer) as { data: { access_token: string } }).data.access_token;
    return makePeer(url, agent, `Bearer ${token}`, async () => {
      agent.destroy();
      await stop();
      data.remove();
    });
  } catch (error) {
    await stop();
    throw error;
  }
}

function settings(database: string, port: number, folder: string): Record<string, string> {
  return {
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PORT: String(port),
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    DB_CLIENT: 'pg',
    DB_CONNECTION_STRING: database,
    KEY: randomUUID(),
    SECRET: randomUUID(),
    ADMIN_EMAIL: EMAIL,
    ADMIN_PASSWORD: PASSWORD,
    ACCESS_TOKEN_TTL: '1d',
    STORAGE_LOCAL_ROOT: path.join(folder, 'uploads'),
    EXTENSIONS_PATH: path.join(folder, 'extensions'),
    TEMP_PATH: folder,
    CACHE_ENABLED: 'false',
    RATE_LIMITER_ENABLED: 'false',
    TELEMETRY: 'false',
    LOG_LEVEL: 'error',
  };
}

function makePeer(url: string, agent: Agent, authorization: string, stop: () => Promise<void>): Peer {
  const { collection } = COLLECTION;
  let made = false;

  async function run(ndjson: Buffer): Promise<number> {
    const lines = toLines(ndjson);
    const { contentType, body } = toForm(
      'users.json',
      'application/json',
      Buffer.from(`[${lines.join(',')}]`),
    );
    const begun = performance.now();
    await sendRequest({
      method: 'POST',
      url: `${url}/utils/import/${collection}`,
      agent,
      authorization,
      contentType,
      body,
    });
    const ms = performance.now() - begun;
    await check(lines);
    return rowsPerSecond(lines.length, ms);
  }

  async function check(lines: string[]): Promise<void> {
    const list = `${url}/items/${collection}?limit=1&sort=-user_id&meta=total_count`;
    const answer = JSON.parse(await sendRequest({ method: 'GET', url: list, agent, authorization })) as {
      meta: { total_count: number };
      data: { metadata: unknown }[];
    };
    checkStored(lines, Number(answer.meta.total_count), answer.data[0]?.metadata);
  }

  return {
    async insert(ndjson) {
      if (made)
        await sendRequest({
          method: 'DELETE',
          url: `${url}/collections/${collection}`,
          agent,
          authorization,
        });
      const body = JSON.stringify(COLLECTION);
      await sendRequest({ method: 'POST', url: `${url}/collections`, agent, authorization, body });
      made = true;
      return run(ndjson);
    },
    update: run,
    stop,
  };
}
