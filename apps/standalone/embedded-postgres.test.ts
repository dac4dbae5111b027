/** Real servers in temporary folders. As root, PostgreSQL runs as another user, whose processes the tests imitate. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from './embedded-postgres';
import { freePort } from './free-port';
import { accountFor } from './postgres/account';

const PROJECT = path.resolve(__dirname, '../..');

/** A data folder with a database that was stopped: making one takes longer than all that the tests do with it. */
let template: string;
let folder: string;
let servers: EmbeddedPostgres[];
let children: ChildProcess[];

function temporaryFolder(): string {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-postgres-test-'));
  fs.chmodSync(made, 0o711);
  return made;
}

beforeAll(async () => {
  template = temporaryFolder();
  await (await startEmbeddedPostgres({ dataDir: template })).stop();
});

afterAll(() => fs.rmSync(template, { recursive: true, force: true }));

beforeEach(() => {
  folder = temporaryFolder();
  servers = [];
  children = [];
});

afterEach(async () => {
  // The last one is the owner, whose stop() is the one that counts.
  for (const server of servers.reverse()) await server.stop();
  for (const child of children) child.kill('SIGKILL');
  fs.rmSync(folder, { recursive: true, force: true });
});

const dataDir = (): string => path.join(folder, 'data');

async function start(options: Partial<EmbeddedPostgresOptions> = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir: dataDir(), ...options });
  servers.push(server);
  return server;
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query({ text, rowMode: 'array' })).rows.flat();
  } finally {
    await client.end();
  }
}

/** A process that starts the server and then only waits; resolves with the server's pid. */
async function startInChild(options: Partial<EmbeddedPostgresOptions> = {}): Promise<[ChildProcess, number]> {
  const script = `
    const { startEmbeddedPostgres } = require('./apps/standalone/embedded-postgres.ts');
    startEmbeddedPostgres(${JSON.stringify({ dataDir: dataDir(), ...options })}).then((server) => {
      process.stdout.write(server.pid + '\\n');
      process.stdin.once('end', () => server.stop().then(() => process.exit())).resume();
    });`;
  const child = spawn(process.execPath, ['-r', 'esbuild-register', '-e', script], {
    cwd: PROJECT,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const [chunk] = await once(child.stdout ?? child, 'data');
  return [child, Number(String(chunk))];
}

/** Runs a shell line as the user PostgreSQL runs as; resolves with the first thing it prints. */
async function runAsPostgres(line: string): Promise<string> {
  const { uid, gid } = accountFor(path.join(dataDir(), 'nothing'));
  const child = spawn('/bin/sh', ['-c', line], { uid, gid, cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [chunk] = await once(child.stdout, 'data');
  return String(chunk).trim();
}

/** Puts a copy of the finished database into this test's data folder. */
function putDatabase(): void {
  execFileSync('cp', ['-a', template, dataDir()]);
}

const pidFile = (): string => path.join(dataDir(), 'postgres', 'postmaster.pid');

describe('a database', () => {
  it('answers with the password, refuses another one, and keeps the password to its owner', async () => {
    const { ownerUrl: url, adopted } = await start();
    expect(adopted).toBe(false);
    expect(await query(url, 'SELECT current_database()')).toEqual(['muster']);
    expect(await query(url, "SELECT setting FROM pg_settings WHERE name = 'fsync'")).toEqual(['on']);
    const wrong = new URL(url);
    wrong.password = 'wrong';
    await expect(query(wrong.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    const { mode, uid } = fs.statSync(path.join(dataDir(), 'postgres-password'));
    expect([mode & 0o777, uid]).toEqual([0o600, process.getuid?.()]);
  });

  it('is found by the second start, on the same port, with its data', async () => {
    putDatabase();
    const first = await start();
    await query(first.ownerUrl, 'CREATE TABLE kept AS SELECT 42 AS n');
    await Promise.all([first.stop(), first.stop()]);
    expect(fs.existsSync(pidFile())).toBe(false);
    const second = await start();
    expect([second.ownerUrl, second.adopted]).toEqual([first.ownerUrl, false]);
    expect(await query(second.ownerUrl, 'SELECT n FROM kept')).toEqual([42]);
  });

  it('is made from the beginning when making it was interrupted', async () => {
    const gone = spawn('true');
    await once(gone, 'exit');
    const leftover = path.join(dataDir(), `postgres.new-${gone.pid}-0a1b`);
    fs.mkdirSync(path.join(leftover, 'data', 'global'), { recursive: true });
    fs.mkdirSync(path.join(dataDir(), 'postgres'));
    expect(await query((await start()).ownerUrl, 'SELECT 1')).toEqual([1]);
    expect(fs.existsSync(leftover)).toBe(false);
  });

  it('is not written over when it is damaged', async () => {
    const control = path.join(dataDir(), 'postgres', 'global', 'pg_control');
    const { uid, gid } = accountFor(path.join(dataDir(), 'postgres'));
    fs.mkdirSync(path.dirname(control), { recursive: true });
    fs.writeFileSync(control, 'x');
    if (uid !== undefined && gid !== undefined) fs.chownSync(path.join(dataDir(), 'postgres'), uid, gid);
    await expect(start()).rejects.toThrow('PG_VERSION');
    expect(fs.readFileSync(control, 'utf8')).toBe('x');
  });
});

describe('a server that is left behind', () => {
  beforeEach(putDatabase);

  it('is taken over when its launcher was killed, and then belongs to the new one', async () => {
    const [launcher, pid] = await startInChild();
    launcher.kill('SIGKILL');
    await once(launcher, 'exit');
    const server = await start();
    expect([server.adopted, server.pid]).toEqual([true, pid]);
    expect(await query(server.ownerUrl, 'SELECT 1')).toEqual([1]);
    await server.stop();
    await expect(query(server.ownerUrl, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('is left running by a visitor', async () => {
    const server = await start();
    const visit = await start({ leaveAdoptedRunning: true });
    expect(visit.adopted).toBe(true);
    await visit.stop();
    expect(await query(server.ownerUrl, 'SELECT 1')).toEqual([1]);
  });

  it('of a visitor passes to a service that comes meanwhile', async () => {
    const [visitor, pid] = await startInChild({ leaveAdoptedRunning: true });
    const server = await start();
    expect([server.adopted, server.pid]).toEqual([true, pid]);
    visitor.stdin?.end();
    await once(visitor, 'exit');
    expect(await query(server.ownerUrl, 'SELECT 1')).toEqual([1]);
  });

  it('is not taken from a service that lives', async () => {
    const [launcher] = await startInChild();
    await expect(start()).rejects.toThrow(`process ${launcher.pid}`);
    launcher.stdin?.end();
    await once(launcher, 'exit');
    expect((await start()).adopted).toBe(false);
  });
});

describe('a postmaster.pid without its server', () => {
  beforeEach(putDatabase);

  it('does not hinder a start after the server was killed', async () => {
    const killed = await start();
    await query(killed.ownerUrl, 'CREATE TABLE kept AS SELECT 42 AS n');
    process.kill(killed.pid, 'SIGKILL');
    const next = await start();
    expect(next.adopted).toBe(false);
    expect(next.pid).not.toBe(killed.pid);
    expect(await query(next.ownerUrl, 'SELECT n FROM kept')).toEqual([42]);
  });

  it.each([
    ['another program', 'echo $$; exec sleep 60'],
    ['a zombie', 'true & echo $!; exec sleep 60'],
    ['nothing: it is empty', 'echo'],
  ])('is treated as stale when its number belongs to %s', async (_, line) => {
    const server = await start();
    const content = fs.readFileSync(pidFile(), 'utf8');
    const { uid, gid } = fs.statSync(pidFile());
    await server.stop();
    const pid = await runAsPostgres(line);
    fs.writeFileSync(pidFile(), pid && content.replace(/^\d+/, pid), { mode: 0o600 });
    fs.chownSync(pidFile(), uid, gid);
    const next = await start();
    expect(next.adopted).toBe(false);
    expect(await query(next.ownerUrl, 'SELECT 1')).toEqual([1]);
  });
});

describe('a failed start', () => {
  beforeEach(putDatabase);

  it('names the log and its last lines, and leaves nothing running', async () => {
    const port = await freePort();
    await expect(start({ port, settings: { no_such_setting: '1' } })).rejects.toThrow(
      /postgres\.log ends with:[\s\S]*no_such_setting/,
    );
    expect((await start({ port })).port).toBe(port);
  });

  it('comes after the old log was emptied, when that was over 10 MB', async () => {
    const log = path.join(dataDir(), 'postgres.log');
    fs.writeFileSync(log, Buffer.alloc(10 * 1024 * 1024 + 1));
    await expect(start({ settings: { no_such_setting: '1' } })).rejects.toThrow('no_such_setting');
    expect(fs.statSync(log).size).toBeLessThan(100_000);
  });
});
