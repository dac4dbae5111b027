/**
 * Puts users straight into the table, as imports would have left them. Deterministic: a number always gives the same
 * user, about as large as a small row of make-rows, with the same keys.
 */
import { statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Pool, PoolClient } from 'pg';
import type { Queryable } from '#store/client';

const INSERT_USERS = 100_000;
/** Of a stored user with what it needs in both indexes, somewhat more than was seen. */
const BYTES_PER_USER = 650;
/** For the log of the server, and everything else. */
const SPARE_BYTES = 3 * 1024 ** 3;
const GB = 1024 ** 3;
/** VACUUM of ten million users takes longer than statements of the product may. */
const STATEMENT_TIMEOUT_MS = 3_600_000;

/** @throws Error when the disk has too little room for so many users */
export function requireDisk(users: number): void {
  const { bavail, bsize } = statfsSync(tmpdir());
  const [free, needed] = [bavail * bsize, users * BYTES_PER_USER + SPARE_BYTES];
  if (free >= needed) return;
  const gigabytes = (bytes: number) => (bytes / GB).toFixed(1);
  throw new Error(
    `${users} users take ${gigabytes(needed)} GB of disk, and ${tmpdir()} has ${gigabytes(free)} GB free.`,
  );
}

export function userIdOf(number: number): string {
  return `user-${String(number).padStart(8, '0')}`;
}

export function companyIdOf(number: number): string {
  return `company-${String((number % 500) + 1).padStart(4, '0')}`;
}

/** $1 slug of the environment; `numbers` is a set of bigint. */
const insert = (numbers: string) =>
  `
INSERT INTO users (environment_id, user_id, company_id, metadata)
SELECT e.id, 'user-' || lpad(n::text, 8, '0'), 'company-' || lpad((n % 500 + 1)::text, 4, '0'), jsonb_build_object(
    'name', first || ' ' || last, 'email', lower(first) || '.' || lower(last) || '.' || n || '@example.com',
    'plan', (ARRAY['free', 'starter', 'growth', 'scale', 'enterprise'])[a % 5 + 1],
    'country', (ARRAY['AT', 'BR', 'CA', 'DE', 'ES', 'FR', 'GB', 'IN', 'JP', 'NG', 'US', 'ZA'])[b % 12 + 1],
    'is_admin', a % 10 = 0, 'created_at', iso('2023-01-01', a), 'seats', a / 7 % 200, 'logins', b / 7 % 5000,
    'mrr', round((a / 3 % 90000)::numeric / 100, 2), 'last_seen', iso('2026-01-01', b))
FROM environments e, ${numbers} AS n,
  LATERAL (SELECT hashint8extended(n, 1) & 1073741823 AS a, hashint8extended(n, 2) & 1073741823 AS b) random,
  LATERAL (SELECT (ARRAY['Ada', 'Björn', 'Chloé', 'Dmitri', 'Emeka', 'Fatima', 'Grace', 'Hiro'])[a / 11 % 8 + 1] AS first,
                  (ARRAY['Adeyemi', 'Becker', 'Castillo', 'Dubois', 'Eriksen', 'García'])[b / 11 % 6 + 1] AS last) names
WHERE e.slug = $1`.replaceAll(
    /iso\('([^']+)', (\w)\)/g,
    `to_char(timestamp '$1' + $2 % 31536000 * interval '1 s', 'YYYY-MM-DD"T"HH24:MI:SS.000"Z"')`,
  );

/** Stores the users of these numbers. */
export async function storeUsers(
  database: Queryable,
  slug: string,
  numbers: readonly number[],
): Promise<void> {
  await database.query(insert('unnest($2::bigint[])'), [slug, numbers]);
  await withLongStatements(database, (client) => client.query('VACUUM ANALYZE users'));
}

/**
 * Stores so many users, those of the even numbers from 2 on, and vacuums the table.
 * @returns the size of the table with its indexes, in GB
 */
export async function storeManyUsers(
  database: Queryable,
  slug: string,
  users: number,
  progress: (words: string) => void,
): Promise<number> {
  // A vacuum on the way would only do over and over what the one at the end does.
  await database.query('ALTER TABLE users SET (autovacuum_enabled = false)');
  for (let stored = 0; stored < users; ) {
    const upTo = Math.min(users, stored + INSERT_USERS);
    await database.query(insert('generate_series($2::bigint, $3::bigint, 2)'), [
      slug,
      2 * (stored + 1),
      2 * upTo,
    ]);
    stored = upTo;
    if (stored % 1_000_000 === 0) progress(`${stored.toLocaleString('en-US')} users are stored`);
  }
  await database.query('ALTER TABLE users RESET (autovacuum_enabled)');
  progress('VACUUM ANALYZE');
  await withLongStatements(database, async (client) => {
    await client.query('VACUUM ANALYZE users');
    await client.query('CHECKPOINT');
  });
  const { rows } = await database.query<{ gigabytes: number }>(
    `SELECT pg_total_relation_size('users') / ${GB}::float8 AS gigabytes`,
  );
  return rows[0]?.gigabytes ?? Number.NaN;
}

/** @param database the pool of a store, whose statements are cut off after seconds */
async function withLongStatements(
  database: Queryable,
  work: (client: Pick<PoolClient, 'query'>) => Promise<unknown>,
): Promise<void> {
  const client = await (database as Pool).connect();
  try {
    await client.query(`SET statement_timeout = ${STATEMENT_TIMEOUT_MS}`);
    const query = (text: string) =>
      client.query({ text, query_timeout: STATEMENT_TIMEOUT_MS } as { text: string });
    await work({ query: query as PoolClient['query'] });
  } finally {
    // Ends the session, and with it the setting.
    client.release(true);
  }
}
