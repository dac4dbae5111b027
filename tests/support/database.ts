/** A database of its own for each test that wants one, on the PostgreSQL that all tests share. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** Migrated by the global set-up; every test database is a copy of it. */
export const TEMPLATE = 'muster_template';

/** Url of a database on the shared server. */
export function databaseUrl(name: string): string {
  const url = new URL(process.env.TEST_DATABASE_URL ?? '');
  url.pathname = `/${name}`;
  return url.href;
}

export async function onServer(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: process.env.TEST_DATABASE_URL });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** An empty database. Returns its url. */
export async function createEmptyDatabase(name = `test_${randomBytes(6).toString('hex')}`): Promise<string> {
  await onServer(`CREATE DATABASE ${name}`);
  return databaseUrl(name);
}

/** A migrated database. Returns its url. */
export async function createDatabase(): Promise<string> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await onServer(`CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`);
  return databaseUrl(name);
}

/** Removes a database, whoever is still connected. */
export async function dropDatabase(url: string): Promise<void> {
  await onServer(`DROP DATABASE IF EXISTS ${new URL(url).pathname.slice(1)} WITH (FORCE)`);
}
