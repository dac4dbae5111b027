/**
 * The database folder on disk: `postgres` inside the data folder, beside its password.
 * Invariant: a folder that is named `postgres` and has a PG_VERSION is a finished database, because it is made under
 * another name and renamed as the last step. A finished database is never deleted or written over here.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { accountFor, canEnter, type PostgresAccount } from './account';
import { inspectProcess } from './process-info';

const MAX_LOG_BYTES = 10 * 1024 * 1024;
const UNFINISHED = /^postgres\.new-(\d+)-[0-9a-f]+$/;

export interface ClusterPlace {
  /** The data folder, without symbolic links. */
  dataDir: string;
  /** The database folder; it may not exist yet. */
  data: string;
  passwordFile: string;
  logFile: string;
  account: PostgresAccount;
}

/**
 * Makes the data folder if needed and sees to it that the user PostgreSQL runs as can enter it. A log of more than
 * 10 MB is emptied.
 * @throws Error when that user cannot enter the folder.
 */
export function openPlace(configuredDir: string): ClusterPlace {
  const asRoot = process.getuid?.() === 0;
  // Entered by all, listed and read by root alone.
  fs.mkdirSync(configuredDir, { recursive: true, mode: asRoot ? 0o711 : 0o700 });
  const dataDir = fs.realpathSync(configuredDir);
  const data = path.join(dataDir, 'postgres');
  const account = accountFor(data);
  if (asRoot && !canEnter(account, dataDir)) {
    if (dataDir !== os.homedir()) fs.chmodSync(dataDir, fs.statSync(dataDir).mode | 0o111);
    if (!canEnter(account, dataDir)) {
      throw new Error(
        `PostgreSQL runs as the user ${account.name}, who cannot enter ${dataDir}: ` +
          'set DATA_DIR to a folder that every user can enter, such as /var/lib/muster.',
      );
    }
  }
  const logFile = path.join(dataDir, 'postgres.log');
  const logBytes = fs.statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  if (logBytes > MAX_LOG_BYTES) fs.truncateSync(logFile);
  return { dataDir, data, logFile, account, passwordFile: path.join(dataDir, 'postgres-password') };
}

/** The password of the database's superuser. @throws Error when the file is missing or empty. */
export function readPassword(place: ClusterPlace): string {
  const password = readIfPresent(place.passwordFile).trim();
  if (password) return password;
  throw new Error(`The password of the database ${place.data} is missing: put ${place.passwordFile} back.`);
}

/**
 * Makes the database when there is none. What an interrupted earlier attempt left is removed first.
 * @param native the folder of the PostgreSQL programs.
 * @throws Error when initdb fails (its words are in the log), or when the folder holds a damaged database.
 */
export function ensureCluster(place: ClusterPlace, native: string): void {
  removeUnfinished(place.dataDir);
  if (fs.existsSync(path.join(place.data, 'PG_VERSION'))) return;
  moveAside(place.data);
  ensurePassword(place);

  const { uid, gid } = place.account;
  const unfinished = path.join(
    place.dataDir,
    `postgres.new-${process.pid}-${randomBytes(4).toString('hex')}`,
  );
  // A copy that initdb's user can read, gone before the database has its name; the password file itself stays closed.
  const pwfile = path.join(unfinished, 'password');
  fs.mkdirSync(unfinished, { mode: 0o700 });
  try {
    fs.writeFileSync(pwfile, readPassword(place), { mode: 0o600 });
    if (uid !== undefined && gid !== undefined)
      for (const file of [unfinished, pwfile]) fs.chownSync(file, uid, gid);
    runInitdb(place, native, path.join(unfinished, 'data'), pwfile);
    fs.renameSync(path.join(unfinished, 'data'), place.data);
    syncFolder(place.dataDir);
  } catch (error) {
    // Of two processes that make the database at once, the second to finish uses the one of the first.
    if (!fs.existsSync(path.join(place.data, 'PG_VERSION'))) throw error;
  } finally {
    fs.rmSync(unfinished, { recursive: true, force: true });
  }
}

/** Opens the log for a child process. The caller closes it. */
export function openLog(place: ClusterPlace): number {
  return fs.openSync(place.logFile, 'a', 0o600);
}

/** The last lines that were written to the log after its first `fromByte` bytes. */
export function tailOfLog(place: ClusterPlace, fromByte: number): string {
  const written = fs.readFileSync(place.logFile).subarray(fromByte).toString('utf8');
  return written.trimEnd().split('\n').slice(-15).join('\n');
}

/** PostgreSQL's environment: none of ours, where the API key may be, and messages in English, which are read here. */
export function postgresEnvironment(): Record<string, string | undefined> {
  return { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
}

function runInitdb(place: ClusterPlace, native: string, data: string, pwfile: string): void {
  const { uid, gid } = place.account;
  const log = openLog(place);
  const from = fs.fstatSync(log).size;
  const run = spawnSync(
    path.join(native, 'bin', 'initdb'),
    // biome-ignore format: one option a line says nothing more.
    ['-D', data, '-U', 'postgres', `--pwfile=${pwfile}`, '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C'],
    { uid, gid, cwd: '/', env: postgresEnvironment(), stdio: ['ignore', log, log] },
  );
  fs.closeSync(log);
  if (run.status === 0) return;
  const words = run.error?.message ?? tailOfLog(place, from);
  throw new Error(`PostgreSQL could not make its database. ${place.logFile} ends with:\n${words}`);
}

/** Makes the password file once: whole or not at all, on the disk before any database depends on it. */
function ensurePassword(place: ClusterPlace): void {
  if (readIfPresent(place.passwordFile).trim()) return;
  fs.rmSync(place.passwordFile, { force: true });
  const draft = `${place.passwordFile}.${randomBytes(4).toString('hex')}`;
  fs.writeFileSync(draft, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flush: true });
  try {
    fs.linkSync(draft, place.passwordFile); // Unlike a rename it leaves the file of a process that came first.
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') fs.renameSync(draft, place.passwordFile); // A file system without hard links.
  }
  fs.rmSync(draft, { force: true });
  syncFolder(place.dataDir);
}

/** Puts away a folder `postgres` that holds no database. What may be a damaged one is left to its owner. */
function moveAside(data: string): void {
  if (!fs.existsSync(data) || fs.readdirSync(data).length === 0) return;
  if (fs.existsSync(path.join(data, 'global', 'pg_control'))) {
    throw new Error(`The database in ${data} has lost its PG_VERSION: restore it, or move the folder away.`);
  }
  fs.renameSync(data, `${data}.incomplete-${new Date().toISOString().replace(/[:.]/g, '')}`);
}

function removeUnfinished(dataDir: string): void {
  for (const name of fs.readdirSync(dataDir)) {
    const maker = Number(UNFINISHED.exec(name)?.[1] ?? Number.NaN);
    // Making it blocks this process: one of its own number is a forerunner's, as in a container that was restarted.
    const abandoned = maker === process.pid || (maker > 0 && !inspectProcess(maker));
    if (abandoned) fs.rmSync(path.join(dataDir, name), { recursive: true, force: true });
  }
}

function readIfPresent(file: string): string {
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
}

function syncFolder(folder: string): void {
  const handle = fs.openSync(folder, 'r');
  fs.fsyncSync(handle);
  fs.closeSync(handle);
}
