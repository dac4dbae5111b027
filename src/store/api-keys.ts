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
  const hash = Uint8Array.from(hashKey(key));
  const prefix = key.startsWith('mst_')
    ? key.slice(0, PREFIX_LENGTH)
    : `sha256:${Buffer.from(hash).toString('hex', 0, 6)}`;
  await store.prisma.apiKey.createMany({
    data: [{ environmentId, hash, prefix, scope }],
    skipDuplicates: true,
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

/** Closes an open key at once. Returns false when there is none with this prefix. */
export async function revokeKey(store: Store, prefix: string): Promise<boolean> {
  const { count } = await store.prisma.apiKey.updateMany({
    where: { prefix, revokedAt: null },
    data: { revokedAt: new Date() },
  });
  return count === 1;
}

/** Whether any key exists that has not been revoked. */
export async function hasKeys(store: Store): Promise<boolean> {
  return (await store.prisma.apiKey.count({ where: { revokedAt: null } })) > 0;
}

/** Those of the keys that open nothing any more. */
export async function findInvalidKeys(db: Queryable, ids: readonly number[]): Promise<number[]> {
  const { rows } = await db.query<{ id: number }>({
    name: 'find-invalid-keys',
    text: `SELECT asked.id FROM unnest($1::int[]) AS asked(id)
           WHERE NOT EXISTS (SELECT FROM api_keys k WHERE k.id = asked.id AND k.revoked_at IS NULL)`,
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
           WHERE k.hash = $1 AND k.revoked_at IS NULL AND e.deleting_at IS NULL`,
    values: [hashKey(key)],
    query_timeout: LOOKUP_TIMEOUT_MS,
  };
  const { rows } = await db.query<Tenant & { stale: boolean }>(lookup);
  const found = rows[0];
  if (found?.stale) await db.query('UPDATE api_keys SET last_used_at = now() WHERE id = $1', [found.keyId]);
  return found;
}
