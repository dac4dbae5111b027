/**
 * The PostgreSQL server that comes with Muster: made on first use, started, found again, stopped.
 * It listens on 127.0.0.1 only, asks for a password, and keeps fsync on: what was committed survives a power cut.
 * Everything is in the data folder: `postgres` (the database), `postgres-password`, `postgres.log`, `postgres-owner`.
 * A server that a killed run left behind is taken over, never started twice on the same folder.
 */
import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { type ClusterPlace, openPlace, readPassword } from './postgres/cluster';
import { launch, POLL_MS, READY_WITHIN_MS } from './postgres/launch';
import { claim, type Ownership, otherOwner } from './postgres/owner';
import { findPostmaster, isRunning, type Postmaster, signal, terminate } from './postgres/postmaster';

const DATABASE = 'muster';
const SERVICE_ROLE = 'muster_service';

type Urls = Pick<EmbeddedPostgres, 'ownerUrl' | 'serviceUrl'>;

export interface EmbeddedPostgresOptions {
  /** Made when missing. As root it must be below folders that the user postgres (or nobody) can enter. */
  dataDir: string;
  /** Port for a server that has to be started. Default: the previous one when it is free, else any free one. */
  port?: number;
  /** Server settings (postgresql.conf) beside or instead of ours. The address it listens on stays 127.0.0.1. */
  settings?: Record<string, string>;
  /** For a command that merely visits the database: a server that already runs is used, and left running. */
  leaveAdoptedRunning?: boolean;
}

export interface EmbeddedPostgres {
  /** Of the database `muster`, as its owner, with user and password: not for logs. */
  ownerUrl: string;
  /** The same as the role that serves, which updateDatabase makes. */
  serviceUrl: string;
  port: number;
  pid: number;
  /** The server was already running. */
  adopted: boolean;
  /**
   * Stops the server and waits for its end; does nothing when the server is not ours to stop. Repeatable.
   * @throws Error when it does not end within 30 s.
   */
  stop(): Promise<void>;
}

/**
 * Starts the server on this data folder, or takes over the one that runs there, and waits until it answers.
 * When the process exits without stop(), the server is told to end (SIGINT) and the connections are cut.
 * @throws Error when the folder cannot be used, when another live service owns it, or when the server does not start;
 * the last one names the log file and its last lines.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  if (process.platform === 'win32') throw new Error('No embedded PostgreSQL for Windows: set DATABASE_URL.');
  const place = openPlace(options.dataDir);
  const visitor = options.leaveAdoptedRunning ?? false;
  let ownership = visitor ? undefined : claim(place.dataDir, visitor);
  let launched: Postmaster | undefined;
  try {
    for (;;) {
      const survivor = await waitForSurvivor(place, visitor);
      if (!survivor) {
        ownership ??= claim(place.dataDir, visitor);
        launched = await launch(place, options);
      }
      const postmaster = survivor ?? launched;
      const urls = postmaster && (await openDatabase(place, postmaster));
      if (urls) return handle(postmaster, urls, survivor !== undefined, ownership);
      // Somebody else started it first, or it ended at this very moment: look again.
    }
  } catch (error) {
    if (launched && ownership?.isMine()) await terminate(launched);
    ownership?.release();
    throw error;
  }
}

function handle(
  postmaster: Postmaster,
  urls: Urls,
  adopted: boolean,
  ownership: Ownership | undefined,
): EmbeddedPostgres {
  const { port, pid } = postmaster;
  const onExit = (): void => {
    if (ownership?.isMine()) signal(postmaster, 'SIGINT');
  };
  process.once('exit', onExit);
  const stop = async (): Promise<void> => {
    if (ownership?.isMine()) {
      await terminate(postmaster);
      ownership.release();
    }
    process.off('exit', onExit);
  };
  let stopping: Promise<void> | undefined;
  return {
    ...urls,
    port,
    pid,
    adopted,
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}

/**
 * The server that already runs here, once it is ready; undefined when there is none. One that is stopping is awaited,
 * and a visitor also awaits the one that another process is about to start or to stop.
 */
async function waitForSurvivor(place: ClusterPlace, visitor: boolean): Promise<Postmaster | undefined> {
  const begun = performance.now();
  for (;;) {
    const found = findPostmaster(place.data);
    if (found?.status === 'ready') return found;
    if (!found && !(visitor && otherOwner(place.dataDir))) return undefined;
    // Its end waits for the clients of a service that is gone: cut them.
    if (found?.status === 'stopping' && !visitor) signal(found, 'SIGINT');
    if (performance.now() - begun > READY_WITHIN_MS) {
      throw new Error(`The PostgreSQL of ${place.data} is not ready: ${found?.status ?? 'not running'}.`);
    }
    await sleep(POLL_MS);
  }
}

/**
 * Connects with the password, and makes the database when it is missing.
 * @returns its URLs, or undefined when the server ended meanwhile.
 */
async function openDatabase(place: ClusterPlace, postmaster: Postmaster): Promise<Urls | undefined> {
  const password = readPassword(place);
  const server = `127.0.0.1:${postmaster.port}`;
  const base = `postgresql://postgres:${password}@${server}`;
  const client = new Client({ connectionString: `${base}/postgres`, connectionTimeoutMillis: 30_000 });
  client.on('error', () => {}); // A connection that is cut makes the query below fail, which says it.
  try {
    await client.connect();
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  } catch (error) {
    const { code } = error as { code?: string };
    const shuttingDown = code === '57P03' || code === '57P01';
    if (shuttingDown || !isRunning(postmaster)) return undefined;
    const madeMeanwhile = code === '42P04' || code === '23505';
    if (!madeMeanwhile) {
      throw new Error(`The embedded PostgreSQL refused its database: ${(error as Error).message}`, {
        cause: error,
      });
    }
  } finally {
    await client.end().catch(() => {});
  }
  const ofService = `${SERVICE_ROLE}:${servicePassword(password)}`;
  return { ownerUrl: `${base}/${DATABASE}`, serviceUrl: `postgresql://${ofService}@${server}/${DATABASE}` };
}

/** Follows from the owner's and does not tell it, so that every process knows it and no further file can be lost. */
function servicePassword(ownerPassword: string): string {
  return createHmac('sha256', ownerPassword).update(SERVICE_ROLE).digest('base64url');
}
