/** The role that serves can read and write rows and do nothing else, and it takes the owner to make it so. */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { requireMigrated } from '#apps/provision';
import { updateDatabase } from '#apps/update-database';
import {
  createDatabase,
  createEmptyDatabase,
  databaseUrl,
  dropDatabase,
  onServer,
} from '../support/database';

const PASSWORD = 'a-password-of-its-own';
const databases: string[] = [];
const roles: string[] = [];

afterEach(async () => {
  for (const url of databases.splice(0)) await dropDatabase(url);
  for (const role of roles.splice(0)) await onServer(`DROP ROLE IF EXISTS ${role}`);
});

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** A name that no role has yet. */
function newRole(): string {
  const role = `role_${randomBytes(6).toString('hex')}`;
  roles.push(role);
  return role;
}

/** An empty database of an owner who is no superuser. Returns its owner's url. */
async function ownedDatabase(attributes = ''): Promise<string> {
  const owner = newRole();
  await onServer(`CREATE ROLE ${owner} LOGIN PASSWORD '${PASSWORD}' ${attributes}`);
  const url = await createEmptyDatabase();
  databases.push(url);
  await onServer(`ALTER DATABASE ${new URL(url).pathname.slice(1)} OWNER TO ${owner}`);
  return as(owner, url);
}

function as(role: string, url: string, password = PASSWORD): string {
  const changed = new URL(url);
  changed.username = role;
  changed.password = password;
  return changed.href;
}

const update = (ownerUrl: string, serviceUrl: string) =>
  updateDatabase({ ownerUrl, serviceUrl, hasQueue: true });

describe('the role that the embedded service and the tests serve as', () => {
  let url: string;
  beforeAll(async () => {
    url = await createDatabase();
  });
  afterAll(() => dropDatabase(url));

  it.each([
    'CREATE TABLE intruder ()',
    'CREATE TABLE bullmq.intruder ()',
    'CREATE TEMPORARY TABLE intruder ()',
    'CREATE SCHEMA intruder',
    'CREATE SEQUENCE intruder',
    'CREATE EXTENSION pg_trgm',
    'CREATE INDEX ON users (created_at)',
    'CREATE FUNCTION intruder() RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$',
    'CREATE TRIGGER intruder BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION count_stored_import()',
    'DROP TABLE users',
    'DROP TABLE bullmq.job',
    'DROP FUNCTION count_stored_import CASCADE',
    'ALTER TABLE users ADD COLUMN intruder integer',
    'ALTER TABLE jobs DISABLE TRIGGER ALL',
    'TRUNCATE users',
    'TRUNCATE bullmq.job',
    "UPDATE _prisma_migrations SET checksum = ''",
    'DELETE FROM bullmq.migration',
    'SELECT rolpassword FROM pg_authid',
    "COPY users TO PROGRAM 'cat'",
    "COPY users FROM '/etc/passwd'",
    "SELECT pg_read_file('postgresql.conf')",
    'CREATE ROLE intruder',
    'ALTER ROLE muster_service SUPERUSER',
    'SET ROLE postgres',
    'SET SESSION AUTHORIZATION postgres',
    'GRANT SELECT ON users TO PUBLIC',
    'CREATE DATABASE intruder',
    'ALTER SYSTEM SET fsync = off',
    'SET temp_file_limit = -1',
    'SET session_replication_role = replica',
  ])('may not %s', async (sql) => {
    // GRANT without the right to only warns, and leaves everything as it is.
    if (sql.startsWith('GRANT')) {
      await query(url, sql).catch(() => undefined);
      const granted =
        "SELECT FROM information_schema.table_privileges WHERE grantee = 'PUBLIC' AND table_name = 'users'";
      expect(await query(url, granted)).toEqual([]);
    } else {
      await expect(query(url, sql)).rejects.toMatchObject({ code: '42501' });
    }
  });

  it('has exactly what rows take on every table, and only reads what was migrated', async () => {
    const rows = await query(
      url,
      `SELECT relation.oid::regclass::text AS name, string_agg(privilege_type, ' ' ORDER BY privilege_type) AS may
       FROM pg_class relation JOIN pg_namespace n ON n.oid = relnamespace
       LEFT JOIN LATERAL (SELECT * FROM aclexplode(relacl)
         WHERE grantee IN (0, 'muster_service'::regrole)) granted ON true
       WHERE nspname IN ('public', 'bullmq') AND relkind IN ('r', 'p') GROUP BY relation.oid`,
    );
    expect(rows.length).toBeGreaterThan(25);
    const ledgers = ['_prisma_migrations', 'bullmq.migration'];
    for (const { name, may } of rows) {
      const wanted = ledgers.includes(String(name)) ? 'SELECT' : 'DELETE INSERT SELECT UPDATE';
      expect({ name, may }).toEqual({ name, may: wanted });
    }
  });
});

describe('updating a database with two roles', () => {
  it('makes the role with the password of the URL, gives it the tables, and takes a new password', async () => {
    const ownerUrl = await ownedDatabase('CREATEROLE');
    const role = newRole();
    expect((await update(ownerUrl, as(role, ownerUrl))).length).toBeGreaterThan(5);
    expect(await query(as(role, ownerUrl), 'SELECT count(*)::int AS n FROM users')).toEqual([{ n: 0 }]);
    await update(ownerUrl, as(role, ownerUrl, 'another-password'));
    await expect(query(as(role, ownerUrl), 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    await requireMigrated(as(role, ownerUrl, 'another-password'));
  });

  it('is done by several processes at once', async () => {
    const ownerUrl = await ownedDatabase('CREATEROLE');
    const serviceUrl = as(newRole(), ownerUrl);
    const applied = await Promise.all([1, 2, 3].map(() => update(ownerUrl, serviceUrl)));
    expect(applied.filter((names) => names.length > 0)).toHaveLength(1);
    await requireMigrated(serviceUrl);
  });

  it('lets the role use at once what a later migration makes, without what is more than rows take', async () => {
    const ownerUrl = await ownedDatabase('CREATEROLE');
    const serviceUrl = as(newRole(), ownerUrl);
    await update(ownerUrl, serviceUrl);
    await query(ownerUrl, 'CREATE TABLE later (n serial)');
    await query(serviceUrl, 'INSERT INTO later DEFAULT VALUES');
    await expect(query(serviceUrl, 'TRUNCATE later')).rejects.toMatchObject({ code: '42501' });
  });

  it('takes back what somebody has granted beyond that', async () => {
    const ownerUrl = await ownedDatabase('CREATEROLE');
    const role = newRole();
    const serviceUrl = as(role, ownerUrl);
    await update(ownerUrl, serviceUrl);
    await query(ownerUrl, `GRANT TRUNCATE ON users TO ${role}; GRANT CREATE ON SCHEMA public TO PUBLIC`);
    await update(ownerUrl, serviceUrl);
    await expect(query(serviceUrl, 'TRUNCATE users')).rejects.toMatchObject({ code: '42501' });
    await expect(query(serviceUrl, 'CREATE TABLE intruder ()')).rejects.toMatchObject({ code: '42501' });
  });

  it('says which role is missing where the owner may not make it, and goes on when somebody has made it', async () => {
    const ownerUrl = await ownedDatabase();
    const role = newRole();
    await expect(update(ownerUrl, as(role, ownerUrl))).rejects.toThrow(`CREATE ROLE "${role}" LOGIN`);
    await onServer(`CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`);
    await update(ownerUrl, as(role, ownerUrl));
    await requireMigrated(as(role, ownerUrl));
  });

  it.each([
    ['is a superuser', 'SUPERUSER'],
    ['may make roles', 'CREATEROLE'],
    ['may make databases', 'CREATEDB'],
    ['is a member of pg_write_all_data', 'IN ROLE pg_write_all_data'],
  ])('refuses to serve as a role that %s', async (might, attributes) => {
    const ownerUrl = await ownedDatabase();
    const role = newRole();
    await onServer(`CREATE ROLE ${role} LOGIN ${attributes}`);
    await expect(update(ownerUrl, as(role, ownerUrl))).rejects.toThrow(might);
  });

  it('refuses to serve as one who can become the owner, or who owns the tables', async () => {
    const ownerUrl = await ownedDatabase();
    const owner = new URL(ownerUrl).username;
    const member = newRole();
    await onServer(`CREATE ROLE ${member} LOGIN IN ROLE ${owner}`);
    await expect(update(ownerUrl, as(member, ownerUrl))).rejects.toThrow(`is a member of ${owner}`);
    const superuserUrl = databaseUrl(new URL(ownerUrl).pathname.slice(1));
    await expect(update(superuserUrl, ownerUrl)).rejects.toThrow('owns tables');
  });

  it('says what a superuser has to take away where everybody may make tables, as on PostgreSQL 14', async () => {
    const ownerUrl = await ownedDatabase();
    const role = newRole();
    await onServer(`CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`);
    const superuserUrl = databaseUrl(new URL(ownerUrl).pathname.slice(1));
    await query(
      superuserUrl,
      'ALTER SCHEMA public OWNER TO postgres; GRANT CREATE ON SCHEMA public TO PUBLIC',
    );
    const refused: unknown = await update(ownerUrl, as(role, ownerUrl)).catch((error: unknown) => error);
    const [, remedy = ''] = /run (.+); and migrate again/.exec(String(refused)) ?? [];
    expect(remedy).toContain('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
    await query(superuserUrl, remedy);
    await update(ownerUrl, as(role, ownerUrl));
  });

  it('keeps the password itself out of the statements that the server may log', async () => {
    const ownerUrl = await ownedDatabase('CREATEROLE');
    const role = newRole();
    const superuserUrl = databaseUrl(new URL(ownerUrl).pathname.slice(1));
    await update(superuserUrl, as(role, ownerUrl));
    const [row] = await query(superuserUrl, `SELECT rolpassword FROM pg_authid WHERE rolname = '${role}'`);
    expect(row?.rolpassword).toMatch(/^SCRAM-SHA-256\$4096:/);
  });
});

describe('a database with one role', () => {
  it('is brought up to date as ever, and nobody loses anything', async () => {
    const ownerUrl = await ownedDatabase();
    await update(ownerUrl, ownerUrl);
    await query(ownerUrl, 'CREATE TEMPORARY TABLE still_allowed ()');
    await requireMigrated(ownerUrl);
  });

  it('that another role is to serve on, refuses it until npm run migrate has let it in', async () => {
    const ownerUrl = await ownedDatabase();
    await update(ownerUrl, ownerUrl);
    const role = newRole();
    await onServer(`CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`);
    await expect(requireMigrated(as(role, ownerUrl))).rejects.toThrow('MIGRATE_DATABASE_URL');
  });
});
