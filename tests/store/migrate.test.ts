/** Migrations are applied once, in order, whole or not at all, and as `prisma migrate deploy` records them. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createLogger } from '#logger';
import { openStore } from '#store/client';
import { migrate, migrationsDir, pendingMigrations } from '#store/migrate';
import { createDatabase, createEmptyDatabase, dropDatabase } from '../support/database';

const databases: string[] = [];
const folders: string[] = [];

async function emptyDatabase(): Promise<string> {
  const url = await createEmptyDatabase();
  databases.push(url);
  return url;
}

function folderOf(migrations: Record<string, string>): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'muster-migrations-'));
  folders.push(folder);
  for (const [name, sql] of Object.entries(migrations)) {
    mkdirSync(path.join(folder, name), { recursive: true });
    writeFileSync(path.join(folder, name, 'migration.sql'), sql);
  }
  return folder;
}

async function query<T extends pg.QueryResultRow>(url: string, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}

afterEach(async () => {
  for (const url of databases.splice(0)) await dropDatabase(url);
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

describe('migrate', () => {
  it('brings an empty database up to date, and does nothing the second time', async () => {
    const url = await emptyDatabase();
    const pending = await pendingMigrations(url);
    expect(pending.length).toBeGreaterThan(0);
    expect(await migrate(url)).toEqual(pending);
    expect(await migrate(url)).toEqual([]);
    expect(await pendingMigrations(url)).toEqual([]);
  });

  it('records each migration with the sha-256 of its file, as Prisma does', async () => {
    const url = await emptyDatabase();
    const [name = ''] = await migrate(url);
    const file = readFileSync(path.join(migrationsDir(), name, 'migration.sql'));
    const [record] = await query(url, 'SELECT * FROM _prisma_migrations ORDER BY migration_name LIMIT 1');
    expect(record).toMatchObject({
      migration_name: name,
      checksum: createHash('sha256').update(file).digest('hex'),
      finished_at: expect.any(Date),
      rolled_back_at: null,
      applied_steps_count: 1,
    });
  });

  it('is done once when several processes begin at once', async () => {
    const url = await emptyDatabase();
    const applied = await Promise.all([migrate(url), migrate(url), migrate(url)]);
    expect(applied.filter((names) => names.length > 0)).toHaveLength(1);
  });

  it('refuses a migration that was edited after it had been applied, by name', async () => {
    const url = await emptyDatabase();
    await migrate(url, folderOf({ '1_first': 'CREATE TABLE a ()' }));
    await expect(migrate(url, folderOf({ '1_first': 'CREATE TABLE b ()' }))).rejects.toThrow(
      '1_first was edited',
    );
  });

  it('leaves nothing of a migration that fails, and goes on with it when it is mended', async () => {
    const url = await emptyDatabase();
    const broken = folderOf({
      '1_first': 'CREATE TABLE a ()',
      '2_second': 'CREATE TABLE b (); SELECT nonsense',
    });
    await expect(migrate(url, broken)).rejects.toThrow('2_second failed');
    expect(await query(url, "SELECT to_regclass('a')::text AS a, to_regclass('b')::text AS b")).toEqual([
      { a: 'a', b: null },
    ]);
    expect(
      await migrate(url, folderOf({ '1_first': 'CREATE TABLE a ()', '2_second': 'CREATE TABLE b ()' })),
    ).toEqual(['2_second']);
  });

  it('refuses to go on behind a migration that Prisma has recorded as failed', async () => {
    const url = await emptyDatabase();
    await migrate(url, folderOf({ '1_first': 'CREATE TABLE a ()' }));
    await query(url, 'UPDATE _prisma_migrations SET finished_at = NULL');
    await expect(migrate(url, folderOf({ '1_first': 'CREATE TABLE a ()' }))).rejects.toThrow(
      'recorded as failed',
    );
  });
});

describe('the schema of Prisma and the tables', () => {
  it('agree: every model can be read with all its columns', async () => {
    const url = await createDatabase();
    databases.push(url);
    const store = openStore({ databaseUrl: url, connections: 2, logger: createLogger('test', 'silent') });
    const schema = readFileSync(path.join(migrationsDir(), '..', 'schema.prisma'), 'utf8');
    const models = [...schema.matchAll(/^model (\w+) \{\n([\s\S]*?)^\}/gm)];
    expect(models.length).toBeGreaterThan(8);
    for (const [, model = '', body = ''] of models) {
      const delegate = model.charAt(0).toLowerCase() + model.slice(1);
      const reader = (store.prisma as unknown as Record<string, { findFirst(): Promise<unknown> }>)[delegate];
      // The migration makes the installation's one row.
      const empty = model === 'Installation' ? expect.objectContaining({ only: true }) : null;
      await expect(reader?.findFirst()).resolves.toEqual(empty);

      const table = /@@map\("(\w+)"\)/.exec(body)?.[1] ?? '';
      const fields = [...body.matchAll(/^ {2}(\w+) +(\w+)[^\n]*$/gm)].filter(
        ([line, , type = '']) => !models.some(([, name]) => name === type) && !line.includes('@relation'),
      );
      const columns = fields.map(([line, field]) => /@map\("(\w+)"\)/.exec(line)?.[1] ?? field);
      const actual = await query<{ name: string }>(
        url,
        `SELECT column_name AS name FROM information_schema.columns WHERE table_name = '${table}' AND table_schema = 'public'`,
      );
      expect({ table, columns: actual.map(({ name }) => name).sort() }).toEqual({
        table,
        columns: columns.sort(),
      });
    }
    await store.close();
  });
});
