/**
 * Rows of users in domains, their texts and their vectors. The user itself is in `users`, under the same id in every
 * dialect; these rows go with it. Fields and extras stay JSON text here: what they mean is the dialect's business.
 */
import type { Queryable, Transaction } from './client';

export interface DomainUser {
  schemaVersion: number;
  /** JSON text. */
  fields: string;
  /** JSON text. */
  extras: string;
  memoryRef: string | null;
  /** `rules` or a provider; null without context. */
  extractedBy: string | null;
  textFeatures: Buffer | null;
  contextCharacters: number;
  lastEnrichedAt: Date;
}

export interface UserKey {
  environmentId: number;
  userId: string;
  domain: string;
}

/** A vector as it is stored: a signed byte for each dimension. */
export interface StoredEmbedding {
  model: string;
  vector: Buffer;
}

/** That a user has a vector in a domain. */
export interface Head {
  domain: string;
  model: string;
  dimensions: number;
}

const COLUMNS = `schema_version AS "schemaVersion", fields::text AS fields, extras::text AS extras,
  memory_ref AS "memoryRef", extracted_by AS "extractedBy", text_features AS "textFeatures",
  context_characters AS "contextCharacters", last_enriched_at AS "lastEnrichedAt"`;

/** The row of a user in a domain. Under the lock of the user's own row nobody else changes it. */
export async function readDomainUser(db: Queryable, key: UserKey): Promise<DomainUser | undefined> {
  const { rows } = await db.query<DomainUser>({
    name: 'read-domain-user',
    text: `SELECT ${COLUMNS} FROM domain_users WHERE environment_id = $1 AND user_id = $2 AND domain = $3`,
    values: [key.environmentId, key.userId, key.domain],
  });
  return rows[0];
}

/** The same with an id that was reserved for a new text, so that what is extracted from it can name it. */
export async function readForContext(
  tx: Transaction,
  key: UserKey,
): Promise<{ contextId: string; before: DomainUser | undefined }> {
  const { rows } = await tx.query<DomainUser & { contextId: string; exists: boolean }>({
    name: 'read-for-context',
    text: `SELECT r.id::text AS "contextId", u.user_id IS NOT NULL AS exists, ${COLUMNS}
           FROM (SELECT nextval('domain_contexts_id_seq') AS id) r
           LEFT JOIN domain_users u ON environment_id = $1 AND user_id = $2 AND domain = $3`,
    values: [key.environmentId, key.userId, key.domain],
  });
  const [row] = rows;
  if (row === undefined) throw new Error('no row for a reserved id');
  const { contextId, exists, ...before } = row;
  return { contextId, before: exists ? before : undefined };
}

/** A domain in which a user has a row. */
export interface UserDomain {
  domain: string;
  schemaVersion: number;
  lastEnrichedAt: Date;
}

/** The domains in which the user has a row, in order. */
export async function listUserDomains(
  db: Queryable,
  environmentId: number,
  userId: string,
): Promise<UserDomain[]> {
  const { rows } = await db.query<UserDomain>(
    `SELECT domain, schema_version AS "schemaVersion", last_enriched_at AS "lastEnrichedAt" FROM domain_users
     WHERE environment_id = $1 AND user_id = $2 ORDER BY domain`,
    [environmentId, userId],
  );
  return rows;
}

/** What one call changes. */
export interface DomainUserChange {
  row: DomainUser;
  /** Removes the texts of before. */
  replacesContexts: boolean;
  /** A new text under the id that was reserved for it. */
  context: { id: string; text: string } | undefined;
  /** The vector; undefined leaves the stored one. */
  head: StoredEmbedding | undefined;
}

/**
 * Writes the row, its texts and its vector, in one statement. Under the lock of the user's own row.
 * @returns the user's heads of all domains afterwards, in the order of the domains
 */
export async function writeDomainUser(
  tx: Transaction,
  key: UserKey,
  { row, replacesContexts, context, head }: DomainUserChange,
): Promise<Head[]> {
  const { rows } = await tx.query<Head>({
    name: 'write-domain-user',
    text: `WITH written AS (
             INSERT INTO domain_users (environment_id, user_id, domain, schema_version, fields, extras, memory_ref,
               extracted_by, text_features, context_characters, last_enriched_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT (environment_id, user_id, domain) DO UPDATE SET schema_version = $4, fields = $5, extras = $6,
               memory_ref = $7, extracted_by = $8, text_features = $9, context_characters = $10, last_enriched_at = $11
           ),
           gone AS (
             DELETE FROM domain_contexts WHERE $12 AND environment_id = $1 AND user_id = $2 AND domain = $3
           ),
           added AS (
             INSERT INTO domain_contexts (environment_id, user_id, domain, id, text) OVERRIDING SYSTEM VALUE
             SELECT $1, $2, $3, $13::bigint, $14 WHERE $13::bigint IS NOT NULL
           ),
           head AS (
             INSERT INTO domain_embeddings (environment_id, user_id, domain, model, vector, is_candidate)
             SELECT $1, $2, $3, $15, $16, true WHERE $16::bytea IS NOT NULL
             ON CONFLICT (environment_id, user_id, domain) DO UPDATE SET model = $15, vector = $16, is_candidate = true,
               changed_xid = pg_current_xact_id()
           )
           SELECT domain, model, length(vector) AS dimensions FROM domain_embeddings
           WHERE environment_id = $1 AND user_id = $2 AND (domain <> $3 OR $16::bytea IS NULL)
           UNION ALL SELECT $3, $15, length($16::bytea) WHERE $16::bytea IS NOT NULL
           ORDER BY domain`,
    values: [
      ...[
        key.environmentId,
        key.userId,
        key.domain,
        row.schemaVersion,
        row.fields,
        row.extras,
        row.memoryRef,
      ],
      ...[row.extractedBy, row.textFeatures, row.contextCharacters, row.lastEnrichedAt, replacesContexts],
      ...[context?.id ?? null, context?.text ?? null, head?.model ?? null, head?.vector ?? null],
    ],
  });
  return rows;
}

/** The newest text of a user in a domain; undefined when none is kept. */
export async function readNewestContext(db: Queryable, key: UserKey): Promise<string | undefined> {
  const { rows } = await db.query<{ text: string }>(
    `SELECT text FROM domain_contexts WHERE environment_id = $1 AND user_id = $2 AND domain = $3
     ORDER BY id DESC LIMIT 1`,
    [key.environmentId, key.userId, key.domain],
  );
  return rows[0]?.text;
}

/** Texts of a user in a domain that are still kept, by id. */
export async function readContexts(
  db: Queryable,
  key: UserKey,
): Promise<{ id: string; text: string; receivedAt: Date }[]> {
  const { rows } = await db.query<{ id: string; text: string; receivedAt: Date }>(
    `SELECT id::text AS id, text, received_at AS "receivedAt" FROM domain_contexts
     WHERE environment_id = $1 AND user_id = $2 AND domain = $3 ORDER BY domain_contexts.id`,
    [key.environmentId, key.userId, key.domain],
  );
  return rows;
}

/** The heads that a user has, in the order of the domains. */
export async function listEmbeddings(db: Queryable, environmentId: number, userId: string): Promise<Head[]> {
  const { rows } = await db.query<Head>({
    name: 'list-embeddings',
    text: `SELECT domain, model, length(vector) AS dimensions FROM domain_embeddings
           WHERE environment_id = $1 AND user_id = $2 ORDER BY domain`,
    values: [environmentId, userId],
  });
  return rows;
}

/** @param isCandidate whether others may find the user by this vector */
export async function writeEmbedding(
  db: Queryable,
  key: UserKey,
  { model, vector }: StoredEmbedding,
  isCandidate: boolean,
): Promise<void> {
  await db.query({
    name: 'write-embedding',
    text: `INSERT INTO domain_embeddings (environment_id, user_id, domain, model, vector, is_candidate)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (environment_id, user_id, domain) DO UPDATE SET model = $4, vector = $5, is_candidate = $6,
             changed_xid = pg_current_xact_id()`,
    values: [key.environmentId, key.userId, key.domain, model, vector, isCandidate],
  });
}

export async function readEmbedding(db: Queryable, key: UserKey): Promise<StoredEmbedding | undefined> {
  const { rows } = await db.query<StoredEmbedding>(
    'SELECT model, vector FROM domain_embeddings WHERE environment_id = $1 AND user_id = $2 AND domain = $3',
    [key.environmentId, key.userId, key.domain],
  );
  return rows[0];
}
