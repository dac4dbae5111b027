/**
 * Applies prisma/migrations in order, with the same table, checksums and advisory lock as `prisma migrate deploy`, so
 * that either may be used on the same database. Prisma's own needs a native engine that not every machine can fetch.
 * Each migration is one transaction; a migration that cannot be in one (CREATE INDEX CONCURRENTLY) does not work here.
 */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';

/** The number that Prisma's schema engine locks while it migrates. */
const PRISMA_MIGRATE_LOCK = 72707369;

/** PostgreSQL's code for what a role has no right to. */
export const MAY_NOT = '42501';

const CONNECT_TIMEOUT_MS = 5_000;

// As Prisma's schema engine makes it.
const CREATE_TABLE = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
  id                  VARCHAR(36) PRIMARY KEY NOT NULL,
  checksum            VARCHAR(64) NOT NULL,
  finished_at         TIMESTAMPTZ,
  migration_name      VARCHAR(255) NOT NULL,
  logs                TEXT,
  rolled_back_at      TIMESTAMPTZ,
  started_at          TIMESTAMPTZ NOT NULL DEFAULT now(),
  applied_steps_count INTEGER NOT NULL DEFAULT 0
)`;

/** The database's migrations and the project's do not fit. The message names the migration. */
export class MigrationError extends Error {}

/** Folder of the migrations, found from the sources and from the build alike. */
export function migrationsDir(): string {
  for (let dir = __dirname; ; dir = path.dirname(dir)) {
    if (path.basename(dir) !== 'dist' && existsSync(path.join(dir, 'prisma', 'migrations'))) {
      return path.join(dir, 'prisma', 'migrations');
    }
    if (dir === path.dirname(dir))
      throw new MigrationError('prisma/migrations is missing from this installation');
  }
}

/**
 * Brings the database up to date. Several processes may call this at once: one works, the others wait and find it done.
 * @returns the names of the migrations that were applied, in order
 * @throws MigrationError when one was edited after it was applied, is recorded as failed, or fails now
 */
export async function migrate(databaseUrl: string, dir = migrationsDir()): Promise<string[]> {
  return withClient(databaseUrl, async (client) => {
    await lockMigrations(client);
    await client.query(CREATE_TABLE);
    const pending = await findPending(client, dir);
    for (const migration of pending) await apply(client, migration);
    return pending.map(({ name }) => name);
  });
}

/**
 * The names of the migrations that the database does not have yet. Changes nothing.
 * @throws MigrationError as migrate does; when the role may not even ask
 */
export async function pendingMigrations(databaseUrl: string, dir = migrationsDir()): Promise<string[]> {
  return withClient(databaseUrl, async (client) => {
    const { rows } = await client.query<{ made: boolean }>(
      "SELECT to_regclass('_prisma_migrations') IS NOT NULL AS made",
    );
    const pending = rows[0]?.made ? await findPending(client, dir) : await readMigrations(dir);
    return pending.map(({ name }) => name);
  }).catch((error: { code?: string }) => {
    if (error.code !== MAY_NOT) throw error;
    throw new MigrationError(
      'The role of DATABASE_URL may not read the tables: run "npm run migrate" with MIGRATE_DATABASE_URL first.',
      { cause: error },
    );
  });
}

/** Waits until nobody else changes tables or grants, and keeps others from it until the session ends. */
export async function lockMigrations(client: pg.Client): Promise<void> {
  await client.query('SELECT pg_advisory_lock($1)', [PRISMA_MIGRATE_LOCK]);
}

/** Works on a connection of its own. @throws what connecting or the work throws */
export async function withClient<T>(
  databaseUrl: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: 'muster-migrate',
  });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

interface Migration {
  name: string;
  sql: string;
  checksum: string;
}

async function readMigrations(dir: string): Promise<Migration[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(path.join(dir, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

async function findPending(client: pg.Client, dir: string): Promise<Migration[]> {
  const known = await client.query<{ migration_name: string; checksum: string; finished_at: Date | null }>(
    'SELECT migration_name, checksum, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL',
  );
  const failed = known.rows.find((migration) => migration.finished_at === null);
  if (failed) {
    throw new MigrationError(
      `Migration ${failed.migration_name} is recorded as failed: resolve it with "prisma migrate resolve".`,
    );
  }
  const checksums = new Map(known.rows.map((migration) => [migration.migration_name, migration.checksum]));
  return (await readMigrations(dir)).filter(({ name, checksum }) => {
    const applied = checksums.get(name);
    if (applied === undefined || applied === checksum) return applied === undefined;
    throw new MigrationError(`Migration ${name} was edited after it had been applied.`);
  });
}

async function apply(client: pg.Client, { name, sql, checksum }: Migration): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(sql);
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, clock_timestamp(), 1)`,
      [randomUUID(), checksum, name],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw new MigrationError(`Migration ${name} failed: ${(error as Error).message}`, { cause: error });
  }
}
