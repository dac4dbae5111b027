/**
 * What the search of users costs: how long it takes among many, how large the index by e-mail address is and how long it
 * takes to build, and what it adds to inserts and to updates that leave the address as it is. `USERS` for another number than a million.
 */
import type { Pool, PoolClient } from 'pg';
import type { Store } from '#store/client';
import { type ProfileFilter, searchProfiles } from '#store/profiles';
import { requireDisk, storeManyUsers } from '../stored-users';
import { withDatabase } from './database';

const USERS = Number(process.env.USERS ?? 1_000_000);
const MIB = 1024 * 1024;
const SEARCHES = 200;
const UPDATED = 20_000;
const INSERTED = 50_000;
const PAGE = { limit: 100, bytes: 4 * MIB };

const say = (line: string) => process.stdout.write(`${line}\n`);

async function main(store: Store): Promise<void> {
  const { pool } = store;
  requireDisk(USERS);
  await pool.query("INSERT INTO environments (slug) VALUES ('find')");
  const { rows } = await pool.query<{ id: number }>("SELECT id FROM environments WHERE slug = 'find'");
  const environmentId = rows[0]?.id ?? 0;
  const { rows: indexes } = await pool.query<{ definition: string }>(
    "SELECT pg_get_indexdef('users_by_email'::regclass) AS definition",
  );
  const definition = indexes[0]?.definition ?? '';
  await pool.query('DROP INDEX users_by_email');
  const gigabytes = await storeManyUsers(pool, 'find', USERS, say);
  say(`${USERS.toLocaleString('en-US')} users, ${gigabytes.toFixed(2)} GB with the other two indexes`);
  await withClient(pool, async (client) => {
    await measureInserts(client, 'without the index');
    await measureUpdates(client, 'without the index');
    const startMs = performance.now();
    await client.query({ text: definition, query_timeout: 3_600_000 } as never);
    say(`index built in ${((performance.now() - startMs) / 1000).toFixed(1)} s, ${await sizeOf(client)} MiB`);
    await client.query('ANALYZE users');
    await measureInserts(client, 'with the index');
    await measureUpdates(client, 'with the index');
    say(`index after that: ${await sizeOf(client)} MiB`);
  });
  await measureSearches(store, environmentId);
}

async function withClient(pool: Pool, work: (client: PoolClient) => Promise<void>): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('SET statement_timeout = 0');
    await work(client);
  } finally {
    client.release(true);
  }
}

async function sizeOf(client: PoolClient): Promise<string> {
  const { rows } = await client.query<{ bytes: string }>(
    "SELECT pg_relation_size('users_by_email') AS bytes",
  );
  return (Number(rows[0]?.bytes) / MIB).toFixed(0);
}

async function measureInserts(client: PoolClient, name: string): Promise<void> {
  const before = await counters(client);
  const startMs = performance.now();
  await client.query(
    `INSERT INTO users (environment_id, user_id, company_id, metadata)
     SELECT environment_id, $1 || user_id, company_id,
            metadata || jsonb_build_object('email', md5(user_id) || '@' || length($1) || '.example.com')
     FROM users WHERE user_id LIKE 'user-%' LIMIT ${INSERTED}`,
    [`${name} `],
  );
  const ms = performance.now() - startMs;
  const walBytes = ((await counters(client)).wal - before.wal) / INSERTED;
  say(
    `${name}, insert of ${INSERTED}: ${((1000 * ms) / INSERTED).toFixed(1)} us and ${walBytes.toFixed(0)} bytes of WAL each`,
  );
}

/** The same users several times: after the first there is room on their pages for another version. */
async function measureUpdates(client: PoolClient, name: string): Promise<void> {
  for (const run of ['first', 'second', 'third']) {
    const before = await counters(client);
    const startMs = performance.now();
    for (let start = 0; start < UPDATED; start += 500) {
      await client.query(
        `UPDATE users SET metadata = metadata || jsonb_build_object('seats', (metadata ->> 'seats')::int + 1), updated_at = now()
         WHERE environment_id = (SELECT id FROM environments WHERE slug = 'find') AND user_id = ANY (ARRAY(SELECT 'user-' || lpad(n::text, 8, '0') FROM generate_series($1::bigint + 2, $1::bigint + 1000, 2) AS n))`,
        [2 * start],
      );
    }
    const ms = performance.now() - startMs;
    await client.query('VACUUM users');
    const after = await counters(client);
    const hot = (100 * (after.hot - before.hot)) / UPDATED;
    const walBytes = (after.wal - before.wal) / UPDATED;
    say(
      `${name}, ${run} update of ${UPDATED}: ${((1000 * ms) / UPDATED).toFixed(1)} us and ${walBytes.toFixed(0)} bytes of WAL each (with VACUUM), ${hot.toFixed(0)} % HOT`,
    );
  }
}

async function counters(client: PoolClient): Promise<{ hot: number; wal: number }> {
  await client.query('SELECT pg_stat_force_next_flush()');
  await client.query('SELECT pg_stat_clear_snapshot()');
  const { rows } = await client.query<{ hot: number; wal: number }>(
    `SELECT n_tup_hot_upd::float8 AS hot, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 AS wal
     FROM pg_stat_user_tables WHERE relname = 'users'`,
  );
  return rows[0] ?? { hot: 0, wal: 0 };
}

async function measureSearches(store: Store, environmentId: number): Promise<void> {
  const { rows } = await store.pool.query<{ id: string; email: string }>(
    `SELECT user_id AS id, metadata ->> 'email' AS email FROM users
     WHERE environment_id = $3 AND user_id = ANY (ARRAY(SELECT 'user-' || lpad((2 * (1 + floor(random() * $1)))::bigint::text, 8, '0')
                                FROM generate_series(1, $2::int)))`,
    [USERS, SEARCHES, environmentId],
  );
  const searches: [string, (user: { id: string; email: string }) => Partial<ProfileFilter>][] = [
    ['exact id', ({ id }) => ({ search: id })],
    ['id without its last two digits (50 users)', ({ id }) => ({ search: id.slice(0, -2) })],
    ['beginning of all ids (a page of 100)', () => ({ search: 'user-' })],
    ['e-mail address in capitals', ({ email }) => ({ search: email.toUpperCase() })],
    ['nothing that is there', ({ id }) => ({ search: `no-${id}` })],
  ];
  for (const [name, filterOf] of searches) {
    const times: number[] = [];
    let found = 0;
    for (const user of rows) {
      const startMs = performance.now();
      const { profiles } = await searchProfiles(store, environmentId, 'user', { ...PAGE, ...filterOf(user) });
      times.push(performance.now() - startMs);
      found += profiles.length;
    }
    times.sort((a, b) => a - b);
    const at = (share: number) => (times[Math.floor(share * (times.length - 1))] ?? Number.NaN).toFixed(1);
    say(
      `${name}: ${(found / rows.length).toFixed(0)} found, median ${at(0.5)} ms, 99th percentile ${at(0.99)} ms`,
    );
  }
}

void withDatabase(main);
