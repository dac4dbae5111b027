/**
 * How the table of users keeps the metadata: compressed (as PostgreSQL does by default), out of line, in line, with room
 * for the next version on the page, and what the index by company costs. By the product's own upsert.
 */
import type { Store } from '#store/client';
import { SIZES } from '../make-rows';
import { withDatabase } from './database';
import { compareWays, readRepetitions, readSizes, type Way } from './measure';
import { measureImports, readSent, upsertInBatches } from './upsert';

const MIB = 1024 * 1024;
const SLICE_ROWS = { small: 500, big: 450 };

/** Done to a table as migrated. */
const TABLES: [name: string, changes: string[]][] = [
  ['as migrated', []],
  ['EXTENDED pglz', ['ALTER TABLE users ALTER COLUMN metadata SET STORAGE EXTENDED']],
  ['EXTERNAL', ['ALTER TABLE users ALTER COLUMN metadata SET STORAGE EXTERNAL']],
  [
    'EXTERNAL, in line to 8 kB',
    [
      'ALTER TABLE users ALTER COLUMN metadata SET STORAGE EXTERNAL',
      'ALTER TABLE users SET (toast_tuple_target = 8160)',
    ],
  ],
  ['as migrated, fillfactor 80', ['ALTER TABLE users SET (fillfactor = 80)']],
  ['as migrated, fillfactor 50', ['ALTER TABLE users SET (fillfactor = 50)']],
  ['as migrated, without users_by_company', ['DROP INDEX users_by_company']],
];

async function main(store: Store): Promise<void> {
  const repetitions = readRepetitions();
  const { rows } = await store.pool.query<{ definition: string }>(
    `SELECT pg_get_indexdef('users_by_company'::regclass) AS definition`,
  );
  await store.pool.query('ALTER TABLE users RENAME TO migrated');
  await store.pool.query('ALTER INDEX users_by_company RENAME TO migrated_by_company');
  for (const size of readSizes()) {
    const versions = [await readSent(size, 0), await readSent(size, 1)];
    const ways = TABLES.map(
      ([name, changes]): Way => ({
        name,
        async run() {
          await store.pool.query('DROP TABLE IF EXISTS users');
          await store.pool.query('CREATE TABLE users (LIKE migrated INCLUDING ALL EXCLUDING INDEXES)');
          await store.pool.query('ALTER TABLE users ADD PRIMARY KEY (environment_id, user_id)');
          await store.pool.query(rows[0]?.definition ?? '');
          for (const change of changes) await store.pool.query(change);
          // A session of its own, whose plans are for this table.
          const tx = await store.pool.connect();
          try {
            const measured = await measureImports(tx, upsertInBatches(SLICE_ROWS[size]), versions);
            const sizes = await tx.query<{ bytes: string }>(
              `SELECT pg_total_relation_size('users') AS bytes`,
            );
            return { ...measured, 'table, TOAST and indexes MB': Number(sizes.rows[0]?.bytes) / MIB };
          } finally {
            tx.release(true);
          }
        },
      }),
    );
    await compareWays(`table of users, ${SIZES[size]}`, ways, repetitions);
  }
}

void withDatabase(main);
