/**
 * A database of its own for each test that wants one, on the PostgreSQL that all tests share. Muster works on it as the
 * role that serves, as in production; what only its owner may, such as to change a table, a test does through asOwner.
 */
import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** Migrated by the global set-up; every test database is a copy of it. */
export const TEMPLATE = 'muster_template';

/** Url of a database on the shared server, as its owner. */
export function databaseUrl(name: string): string {
  return withDatabase(process.env.TEST_DATABASE_URL, name);
}

/** The same as the role that serves. */
export function serviceUrl(name: string): string {
  return withDatabase(process.env.TEST_SERVICE_URL, name);
}

/** The owner's url of the database that this url is of. */
export function ownerUrl(url: string): string {
  return databaseUrl(new URL(url).pathname.slice(1));
}

function withDatabase(server: string | undefined, name: string): string {
  const url = new URL(server ?? '');
  url.pathname = `/${name}`;
  return url.href;
}

/** Runs SQL on the server, as its superuser. */
export async function onServer(sql: string): Promise<void> {
  await query(process.env.TEST_DATABASE_URL ?? '', sql);
}

/** Runs SQL as the owner of the database that this url is of. */
export async function asOwner(url: string, sql: string): Promise<void> {
  await query(ownerUrl(url), sql);
}

async function query(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** An empty database. Returns its owner's url. */
export async function createEmptyDatabase(name = `test_${randomBytes(6).toString('hex')}`): Promise<string> {
  await onServer(`CREATE DATABASE ${name}`);
  return databaseUrl(name);
}

/** A migrated database. Returns its url as the role that serves. */
export async function createDatabase(): Promise<string> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await onServer(`CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`);
  // Privileges on a database, unlike those in it, are not copied.
  await onServer(`REVOKE TEMPORARY ON DATABASE ${name} FROM PUBLIC`);
  return serviceUrl(name);
}

/** Removes a database, whoever is still connected. */
export async function dropDatabase(url: string): Promise<void> {
  await onServer(`DROP DATABASE IF EXISTS ${new URL(url).pathname.slice(1)} WITH (FORCE)`);
}
