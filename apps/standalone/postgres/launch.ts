/**
 * Starts a server on a database folder and waits until it is ready; its log is its only output.
 * Invariant: two launches on one folder never give two servers. PostgreSQL's own lock file decides.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, portIsFree } from '../free-port';
import { preparePostgresBinaries } from './binaries';
import { type ClusterPlace, ensureCluster, openLog, postgresEnvironment, tailOfLog } from './cluster';
import { disarmPidFile, findPostmaster, type Postmaster, previousPort } from './postmaster';

/** How often the server's state is looked at while something is awaited. */
export const POLL_MS = 20;
/** Recovery after a power cut replays up to max_wal_size of log, which takes minutes on a slow disk. */
export const READY_WITHIN_MS = 300_000;
/** How long the processes of a killed server may take to notice and end. */
const REMAINS_GONE_WITHIN_MS = 20_000;

const SETTINGS = {
  max_connections: '100',
  max_wal_size: '1GB',
  // Of one session. What the service does needs megabytes; a query gone wrong must not fill the disk.
  temp_file_limit: '2GB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // The log keeps no statements and no details: they quote the values of rows.
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic',
};

export interface LaunchOptions {
  port?: number;
  settings?: Record<string, string>;
}

/** Starts a server. Undefined when another process started one on this folder at the same time. */
export async function launch(place: ClusterPlace, options: LaunchOptions): Promise<Postmaster | undefined> {
  const native = preparePostgresBinaries(place.account);
  ensureCluster(place, native);
  const begun = performance.now();
  for (;;) {
    if (findPostmaster(place.data)) return undefined;
    disarmPidFile(place.data);
    const port = options.port ?? (await choosePort(place.data));
    const logBytesBefore = fs.statSync(place.logFile, { throwIfNoEntry: false })?.size ?? 0;
    const ready = await spawnServer(place, native, port, options.settings ?? {});
    if (ready) return ready;

    const words = tailOfLog(place, logBytesBefore);
    if (words.includes('lock file "postmaster.pid" already exists')) return undefined;
    const portWasTaken = options.port === undefined && words.includes('could not create any TCP/IP sockets');
    const remainsAreThere = words.includes('pre-existing shared memory block');
    if (!(portWasTaken || remainsAreThere) || performance.now() - begun > REMAINS_GONE_WITHIN_MS) {
      throw new Error(`PostgreSQL did not start. ${place.logFile} ends with:\n${words}`);
    }
    await sleep(POLL_MS);
  }
}

/** Clients that kept the URL of the previous run find the server again when its port can be had. */
async function choosePort(data: string): Promise<number> {
  const previous = previousPort(data);
  return previous && (await portIsFree(previous)) ? previous : freePort();
}

/**
 * Runs the server in a session of its own, so that the terminal's Ctrl-C reaches only the service, which stops its
 * parts in order. It writes to the log file itself and so does not need this process.
 * @returns the server when it is ready, undefined when it ended before.
 */
async function spawnServer(
  place: ClusterPlace,
  native: string,
  port: number,
  settings: Record<string, string>,
): Promise<Postmaster | undefined> {
  const fixed = { listen_addresses: '127.0.0.1', unix_socket_directories: '' };
  const args = ['-D', place.data, '-p', String(port)];
  for (const [name, value] of Object.entries({ ...SETTINGS, ...settings, ...fixed })) {
    args.push('-c', `${name}=${value}`);
  }
  const { uid, gid } = place.account;
  const log = openLog(place);
  const child = spawn(path.join(native, 'bin', 'postgres'), args, {
    uid,
    gid,
    cwd: '/',
    env: postgresEnvironment(),
    stdio: ['ignore', log, log],
    detached: true,
  });
  fs.closeSync(log);
  child.unref();
  const onExit = (): boolean => child.kill('SIGINT');
  process.once('exit', onExit);
  try {
    return await waitUntilReady(child, place);
  } finally {
    process.off('exit', onExit);
  }
}

async function waitUntilReady(child: ChildProcess, place: ClusterPlace): Promise<Postmaster | undefined> {
  let fault: Error | undefined;
  child.once('error', (error) => {
    fault = error;
  });
  const begun = performance.now();
  while (child.exitCode === null && child.signalCode === null) {
    if (fault) throw new Error(`PostgreSQL could not be run: ${fault.message}`);
    const found = findPostmaster(place.data);
    if (found?.pid === child.pid && found?.status === 'ready') return found;
    if (performance.now() - begun > READY_WITHIN_MS) {
      child.kill('SIGQUIT');
      throw new Error(`PostgreSQL was not ready within ${READY_WITHIN_MS / 1000} s. See ${place.logFile}.`);
    }
    await sleep(POLL_MS);
  }
  return undefined;
}
