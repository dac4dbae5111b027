/** A PostgreSQL of a test's own, to be stopped in the middle, started again, and put on a false clock. */
import { spawn } from 'node:child_process';
import { chownSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../apps/standalone/embedded-postgres';
import { fakeClock } from './fake-clock';
import { waitFor } from './wait';

export interface PostgresServer {
  /** Of the running server, as the owner; the port may change with a restart. */
  url: string;
  /** The same as the role that serves. */
  serviceUrl: string;
  port: number;
  /** `pg_ctl stop -m immediate`: no checkpoint, all connections cut. */
  stopAtOnce(): Promise<void>;
  start(): Promise<void>;
  /** Sets the server's clock so many seconds beside the real one. Only for a server that was made with a false clock. */
  setClock(seconds: number): void;
  stop(): Promise<void>;
}

export interface PostgresOptions {
  settings?: Record<string, string>;
  hasFalseClock?: boolean;
}

/** Makes a database folder and starts a server on it. */
export async function startPostgres(dataDir: string, options: PostgresOptions = {}): Promise<PostgresServer> {
  // What is tested here dies as a process; the disk keeps its power.
  const settings = { max_connections: '60', fsync: 'off', ...options.settings };
  const clockFile = path.join(dataDir, 'clock');
  let running: EmbeddedPostgres;
  const start = async () => {
    running = await startEmbeddedPostgres({ dataDir, settings });
    server.url = running.ownerUrl;
    server.serviceUrl = running.serviceUrl;
    server.port = running.port;
  };
  const server: PostgresServer = {
    url: '',
    serviceUrl: '',
    port: 0,
    async stopAtOnce() {
      if (isAlive(running.pid)) process.kill(running.pid, 'SIGQUIT');
      await waitFor('the end of PostgreSQL', () => !isAlive(running.pid));
      await running.stop();
    },
    start,
    setClock(seconds) {
      writeFileSync(clockFile, `${seconds < 0 ? '' : '+'}${seconds}s`);
    },
    stop: () => running.stop(),
  };
  await start();
  if (options.hasFalseClock) {
    await server.stop();
    server.setClock(0);
    spawnWithFalseClock(path.join(dataDir, 'postgres'), clockFile);
    await start();
  }
  return server;
}

/** Starts the server with the command line of its last run; startEmbeddedPostgres takes it over then. */
function spawnWithFalseClock(data: string, clockFile: string): void {
  const [program = '', ...args] = readFileSync(path.join(data, 'postmaster.opts'), 'utf8')
    .trim()
    .split(/ (?=")/)
    .map((word) => word.replace(/^"(.*)"$/, '$1'));
  const { uid, gid } = statSync(data);
  chownSync(clockFile, uid, gid);
  const child = spawn(program, args, {
    uid,
    gid,
    cwd: '/',
    env: { LC_ALL: 'C', TZ: 'UTC', ...fakeClock(clockFile) },
    stdio: 'ignore',
    detached: true,
  });
  child.unref();
  void waitFor('postmaster.pid', () => existsSync(path.join(data, 'postmaster.pid')));
}

function isAlive(pid: number): boolean {
  try {
    // A process that has ended and was not reaped yet counts as ended.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
