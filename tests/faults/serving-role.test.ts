/** The processes connect as the role that serves and as nobody else, in the embedded service and as Compose starts them. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import pg from 'pg';
import { parse } from 'yaml';
import { startEmbeddedPostgres } from '#apps/standalone/embedded-postgres';
import { migrateQueue } from '#queue/open-queue';
import { migrate } from '#store/migrate';
import type { WireJob } from '../support/muster';
import { startPostgres } from '../support/postgres-server';
import { killAll, type Running, startProcess } from '../support/processes';
import { startRedis } from '../support/redis-server';
import { waitFor } from '../support/wait';

const ROOT = path.resolve(__dirname, '..', '..');
const KEY = 'key-for-the-role-tests';
const headers = { Authorization: `Token ${KEY}` };
const folder = mkdtempSync(path.join(tmpdir(), 'muster-roles-'));
// PostgreSQL does not run as root, so others must be able to enter.
chmodSync(folder, 0o755);

afterAll(() => {
  killAll();
  rmSync(folder, { recursive: true, force: true });
});

/** Imports two users and erases one of them. */
async function useIt({ url }: Running): Promise<void> {
  const body = JSON.stringify([{ user_id: 'a', metadata: { plan: 'pro' } }, { user_id: 'b' }]);
  const json = { ...headers, 'Content-Type': 'application/json' };
  const posted = await fetch(`${url}/v1/users/bulk_identify`, { method: 'POST', headers: json, body });
  expect(posted.status).toBe(202);
  const { job_id } = (await posted.json()) as WireJob;
  const job = await waitFor('the end of the job', async () => {
    const answer = await fetch(`${url}/v1/background_jobs/${job_id}`, { headers });
    const read = (await answer.json()) as WireJob;
    return read.end_time !== null && read;
  });
  expect(job).toMatchObject({ status: 'completed', created_rows: 2 });
  const erasure = { method: 'DELETE', headers: json, body: JSON.stringify({ users: ['a'] }) };
  expect((await fetch(`${url}/v1/users`, erasure)).status).toBe(202);
}

/** Whom the sessions of Muster belong to, but for the one that asks. */
async function sessions(client: pg.Client): Promise<unknown[]> {
  const { rows } = await client.query(
    `SELECT DISTINCT usename AS role FROM pg_stat_activity
     WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
  );
  return rows;
}

const count = async (client: pg.Client, table: string) =>
  (await client.query(`SELECT count(*)::int AS n FROM ${table}`)).rows[0]?.n;

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  return client;
}

it('the standalone service gets its role on a data folder of an older version, which had only the owner', async () => {
  const dataDir = path.join(folder, 'older');
  const older = await startEmbeddedPostgres({ dataDir });
  await migrate(older.ownerUrl);
  await migrateQueue(older.ownerUrl);
  await older.stop();

  const service = await startProcess('standalone', {
    DATA_DIR: dataDir,
    API_KEY: KEY,
    USERS_PER_MINUTE: '0',
  });
  const visitor = await startEmbeddedPostgres({ dataDir, leaveAdoptedRunning: true });
  const owner = await connect(visitor.ownerUrl);
  await useIt(service);
  expect(await sessions(owner)).toEqual([{ role: 'muster_service' }]);
  await waitFor('the erasure to be done', async () => (await count(owner, 'erasures')) === 0);
  expect(await count(owner, 'users')).toBe(1);
  const role = await connect(visitor.serviceUrl);
  await expect(role.query('TRUNCATE users')).rejects.toMatchObject({ code: '42501' });
  await role.end();
  await owner.end();

  const env = { PATH: process.env.PATH, DATA_DIR: dataDir };
  const admin = (...words: string[]) =>
    spawnSync(process.execPath, ['dist/apps/admin/main.js', ...words], { cwd: ROOT, env, encoding: 'utf8' });
  expect(admin('environments', 'create', 'staging')).toMatchObject({ status: 0, stderr: '' });
  expect(admin('environments', 'delete', 'staging', '--confirm', 'staging')).toMatchObject({ status: 0 });
  await waitFor(
    'the environment to be gone',
    () => !admin('environments', 'list').stdout.includes('staging'),
  );
  expect(await service.end('SIGTERM')).toBe(0);
  expect(admin('environments', 'list')).toMatchObject({ status: 0, stderr: '' });
});

it.each(['redis', 'postgresql'])(
  'the processes of docker-compose.yml, with the queue on %s, migrate as the owner and serve as their role',
  async (queue) => {
    const dataDir = path.join(folder, queue);
    const postgres = await startPostgres(dataDir);
    const redis = await startRedis(folder);
    // As the image of PostgreSQL does: the user of the settings is a superuser and owns the database.
    const superuser = await connect(postgres.url);
    await superuser.query("CREATE ROLE muster SUPERUSER LOGIN PASSWORD 'the-owners'");
    await superuser.query('ALTER DATABASE muster OWNER TO muster');

    const variables: Record<string, string> = {
      POSTGRES_PASSWORD: 'the-owners',
      POSTGRES_SERVICE_PASSWORD: 'the-roles',
      API_KEY: KEY,
    };
    const { services } = parse(readFileSync(path.join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true });
    const settingsOf = (name: string) => {
      const settings = Object.entries<string>(services[name].environment).map(([setting, value]) => [
        setting,
        value
          .replace(/\$\{(\w+):.*?\}/g, (_, variable: string) => variables[variable] ?? '')
          .replace('@postgres:5432', `@127.0.0.1:${postgres.port}`)
          .replace('redis:6379', `127.0.0.1:${redis.port}`),
      ]);
      const ownPlace = { HOST: '127.0.0.1', PORT: '0', USERS_PER_MINUTE: '0' };
      return {
        ...Object.fromEntries(settings),
        ...ownPlace,
        ...(queue === 'redis' ? {} : { REDIS_URL: '' }),
      };
    };

    const migrated = spawnSync(process.execPath, ['dist/apps/migrate/main.js'], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, ...settingsOf('migrate') },
      encoding: 'utf8',
    });
    expect(migrated).toMatchObject({ status: 0, stderr: '', stdout: expect.stringContaining('Applied: ') });
    const api = await startProcess('api', settingsOf('api'));
    const worker = await startProcess('worker', settingsOf('worker'));
    await useIt(api);
    expect(await sessions(superuser)).toEqual([{ role: 'muster_service' }]);
    await waitFor('the erasure to be done', async () => (await count(superuser, 'erasures')) === 0);
    const limits = await superuser.query("SELECT rolconfig FROM pg_roles WHERE rolname = 'muster_service'");
    expect(limits.rows).toEqual([{ rolconfig: ['temp_file_limit=2GB'] }]);
    const role = await connect(settingsOf('api').DATABASE_URL);
    for (const sql of [
      'CREATE TABLE intruder ()',
      'DROP TABLE users',
      'ALTER TABLE users ADD COLUMN intruder integer',
      'TRUNCATE users',
      'SELECT rolpassword FROM pg_authid',
      "COPY users TO PROGRAM 'cat'",
      'CREATE ROLE intruder',
    ]) {
      await expect(role.query(sql)).rejects.toMatchObject({ code: '42501' });
    }
    await role.end();
    await superuser.end();
    expect([await api.end('SIGTERM'), await worker.end('SIGTERM')]).toEqual([0, 0]);
    await redis.kill();
    await postgres.stop();
  },
);
