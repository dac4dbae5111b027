/** Environments and their API keys. A key is shown once, when it is made; the table has its SHA-256 only. */
import { createHash, randomBytes } from 'node:crypto';
import type { Queryable, Store } from './client';

/** What a key may do; each may what the one before may. */
export const SCOPES = ['read', 'import', 'admin'] as const;

export type Scope = (typeof SCOPES)[number];

/** Who is calling: the environment of the key. */
export interface Tenant {
  keyId: number;
  scope: Scope;
  environmentId: number;
  slug: string;
  /** The environment's own throttle; null = the service's setting. */
  usersPerMinute: number | null;
}

const PREFIX_LENGTH = 12;
const LAST_USED_RESOLUTION = "interval '1 minute'";
/**
 * Every request begins with this look by key, so it is the first to notice a connection that is dead without a word: late
 * enough that a busy machine is not taken for one, early enough that the client has its 503 within 5 s.
 */
const LOOKUP_TIMEOUT_MS = 3_000;

/** Condition on a row of api_keys: it has neither been revoked nor expired. */
export const KEY_IS_OPEN = '(revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()))';

function hashKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** A new key: `mst_` and 256 random bits. */
export function generateKey(): string {
  return `mst_${randomBytes(32).toString('base64url')}`;
}

/** Makes the environment when there is none of this slug. Returns its id. */
export async function ensureEnvironment(store: Store, slug: string): Promise<number> {
  // An upsert of Prisma's would be a read and a write, between which another process may be faster.
  await store.prisma.environment.createMany({ data: [{ slug }], skipDuplicates: true });
  const environment = await store.prisma.environment.findUniqueOrThrow({ where: { slug } });
  return environment.id;
}

/** Stores the key for the environment unless it is stored already. A revoked key stays revoked. */
export async function ensureKey(
  store: Store,
  environmentId: number,
  key: string,
  scope: Scope = 'admin',
): Promise<void> {
  await insertKey(store.pool, environmentId, key, scope);
}

async function insertKey(db: Queryable, environmentId: number, key: string, scope: Scope): Promise<void> {
  const hash = hashKey(key);
  const prefix = key.startsWith('mst_')
    ? key.slice(0, PREFIX_LENGTH)
    : `sha256:${hash.toString('hex', 0, 6)}`;
  await db.query(
    `INSERT INTO api_keys (environment_id, hash, prefix, scope) VALUES ($1, $2, $3, $4::key_scope)
     ON CONFLICT DO NOTHING`,
    [environmentId, hash, prefix, scope],
  );
}

/**
 * Makes this key the one that the setting names, and revokes those that it named before. The last to call this wins: a
 * key that was revoked only because the setting had changed opens again when the setting changes back. A key that was
 * revoked by hand stays revoked, and one that a rotation lets end keeps its end.
 * @returns whether the key opens its environment now
 */
export async function installSettingKey(store: Store, environmentId: number, key: string): Promise<boolean> {
  return store.transaction(async (tx) => {
    // Two processes with two keys would each revoke the other's.
    await tx.query('SELECT FROM environments WHERE id = $1 FOR NO KEY UPDATE', [environmentId]);
    await insertKey(tx, environmentId, key, 'admin');
    const hash = hashKey(key);
    await tx.query(
      `UPDATE api_keys SET revoked_at = now(), replaced = true
       WHERE environment_id = $1 AND from_setting AND hash <> $2 AND revoked_at IS NULL AND expires_at IS NULL`,
      [environmentId, hash],
    );
    await tx.query(
      `UPDATE api_keys SET from_setting = true, replaced = false,
                           revoked_at = CASE WHEN replaced THEN NULL ELSE revoked_at END
       WHERE environment_id = $1 AND hash = $2 AND (replaced OR NOT from_setting)`,
      [environmentId, hash],
    );
    const { rows } = await tx.query(
      `SELECT FROM api_keys WHERE environment_id = $1 AND hash = $2 AND ${KEY_IS_OPEN}`,
      [environmentId, hash],
    );
    return rows.length === 1;
  });
}

/** Makes an environment. Returns false when there is one of this slug. */
export async function createEnvironment(store: Store, slug: string): Promise<boolean> {
  const { count } = await store.prisma.environment.createMany({ data: [{ slug }], skipDuplicates: true });
  return count === 1;
}

export async function findEnvironmentId(store: Store, slug: string): Promise<number | undefined> {
  return (await store.prisma.environment.findUnique({ where: { slug } }))?.id;
}

/** All environments, by slug. */
export async function listEnvironments(
  store: Store,
): Promise<{ slug: string; createdAt: Date; deletingAt: Date | null }[]> {
  return store.prisma.environment.findMany({ orderBy: { slug: 'asc' } });
}

/** What may be shown of a key. */
export interface ListedKey {
  prefix: string;
  slug: string;
  scope: Scope;
  revokedAt: Date | null;
  expiresAt: Date | null;
  /** Revoked because the setting API_KEY changed. */
  replaced: boolean;
  lastUsedAt: Date | null;
}

/** Keys, of one environment or of all, in the order of their making. */
export async function listKeys(store: Store, environmentId: number | undefined): Promise<ListedKey[]> {
  const keys = await store.prisma.apiKey.findMany({
    where: environmentId === undefined ? {} : { environmentId },
    include: { environment: true },
    orderBy: { id: 'asc' },
  });
  return keys.map(({ environment, ...key }) => ({ ...key, slug: environment.slug }));
}

/**
 * Revokes a key at once and for good, also one that a change of API_KEY has revoked for as long as that lasts.
 * Returns false when there is none with this prefix that could be opened.
 */
export async function revokeKey(store: Store, prefix: string): Promise<boolean> {
  const { rowCount } = await store.pool.query(
    `UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()), replaced = false
     WHERE prefix = $1 AND (revoked_at IS NULL OR replaced)`,
    [prefix],
  );
  return rowCount === 1;
}

/** A key and what takes its place. */
export interface Rotation {
  /** The new key: shown once, kept nowhere. */
  key: string;
  /** Whether a key is the one that is rotated. */
  replaces(key: string): boolean;
}

/**
 * Makes a new key of the same environment and scope, and lets the old one end.
 * @param overlapSeconds how long the old key is still accepted; 0 = it is revoked at once. An earlier end of it stays.
 * @returns undefined when no open key has this prefix
 */
export async function rotateKey(
  store: Store,
  prefix: string,
  overlapSeconds: number,
): Promise<Rotation | undefined> {
  const key = generateKey();
  return store.transaction(async (tx) => {
    const { rows } = await tx.query<{ environmentId: number; scope: Scope; hash: Buffer }>(
      `UPDATE api_keys SET
         revoked_at = CASE WHEN $2::float8 = 0 THEN now() END,
         expires_at = CASE WHEN $2::float8 = 0 THEN expires_at
                           ELSE least(expires_at, now() + $2::float8 * interval '1 second') END
       WHERE prefix = $1 AND ${KEY_IS_OPEN}
       RETURNING environment_id AS "environmentId", scope, hash`,
      [prefix, overlapSeconds],
    );
    const [old] = rows;
    if (old === undefined) return undefined;
    await insertKey(tx, old.environmentId, key, old.scope);
    return { key, replaces: (other) => hashKey(other).equals(old.hash) };
  });
}

/** Whether any key exists that opens its environment. */
export async function hasKeys(store: Store): Promise<boolean> {
  const { rows } = await store.pool.query(`SELECT FROM api_keys WHERE ${KEY_IS_OPEN} LIMIT 1`);
  return rows.length > 0;
}

/** Those of the keys that open nothing any more. */
export async function findInvalidKeys(db: Queryable, ids: readonly number[]): Promise<number[]> {
  const { rows } = await db.query<{ id: number }>({
    name: 'find-invalid-keys',
    text: `SELECT asked.id FROM unnest($1::int[]) AS asked(id)
           WHERE NOT EXISTS (SELECT FROM api_keys WHERE api_keys.id = asked.id AND ${KEY_IS_OPEN})`,
    values: [ids],
  });
  return rows.map(({ id }) => id);
}

/** The environment that the key opens, or undefined. Looked up by hash, so there is nothing to compare in time. */
export async function findTenant(db: Queryable, key: string): Promise<Tenant | undefined> {
  const lookup = {
    name: 'find-tenant',
    text: `SELECT k.id AS "keyId", k.scope, e.id AS "environmentId", e.slug, e.users_per_minute AS "usersPerMinute",
                  k.last_used_at IS NULL OR k.last_used_at < now() - ${LAST_USED_RESOLUTION} AS stale
           FROM api_keys k JOIN environments e ON e.id = k.environment_id
           WHERE k.hash = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
             AND e.deleting_at IS NULL`,
    values: [hashKey(key)],
    query_timeout: LOOKUP_TIMEOUT_MS,
  };
  const { rows } = await db.query<Tenant & { stale: boolean }>(lookup);
  const found = rows[0];
  if (found?.stale) await db.query('UPDATE api_keys SET last_used_at = now() WHERE id = $1', [found.keyId]);
  return found;
}
