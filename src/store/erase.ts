/**
 * Erasing users and companies: what is stored goes at once, and an entry in `erasures` says that the rows of older jobs
 * must not speak of them any more. Whoever reads or applies such rows asks for the erasures first; a walk scrubs the rows
 * themselves (scrub.ts) and removes the entries, which hold what was to be erased.
 *
 * An erasure is about the jobs whose ordinal is lower than its id. Both come from one sequence, which is read under the
 * lock of this file: so a job is either about to be scrubbed or it is accepted after the erasure, never in between.
 */
import { ENTITIES, type Entity } from '#job/entity';
import type { Queryable, Transaction } from './client';

/** First number of the lock; the second is the environment. Spells MSTE. */
export const ERASURE_LOCK = 0x4d535445;

/** Users that one statement erases. */
const IDS_PER_STATEMENT = 1_000;

/** Waits for the environment's slices in work, and keeps others from beginning until the transaction ends. */
export async function lockForErasure(tx: Transaction, environmentId: number): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock($1, $2)', [ERASURE_LOCK, environmentId]);
}

/** Keeps erasures of the environment from beginning until the transaction ends. For who accepts a job. */
export async function lockAgainstErasure(tx: Transaction, environmentId: number): Promise<void> {
  await tx.query({
    name: 'share-erasure-lock',
    text: 'SELECT pg_advisory_xact_lock_shared($1, $2)',
    values: [ERASURE_LOCK, environmentId],
  });
}

/**
 * By what a person is known in a row whose id cannot be read: values that look like an e-mail address, a telephone number
 * or an identifier, and those whose key says that they are a name, an address or the like.
 */
const TERMS = `ARRAY(
  SELECT DISTINCT text FROM (
    SELECT key, value #>> '{}' AS text, jsonb_typeof(value) AS type FROM jsonb_each(gone.metadata) OFFSET 0) AS m
  WHERE type IN ('string', 'number') AND length(text) BETWEEN 3 AND 512
    AND (key ~* 'mail|phone|mobile|whatsapp|fax|address|street|ssn|iban|passport|login|handle|^(tel|cell|ip)$'
      OR key ~* '(^|first|last|full|given|family|middle|maiden|nick|sur|user|display|legal|person|contact|customer)[-_ .]?name$'
      OR type = 'string' AND (
        text LIKE '%@%'
        OR (text ~ '^[+(]?[0-9][0-9 ()./-]{6,}$' AND text !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}')
        OR (text ~ '^\\S{12,}$' AND text ~ '[0-9]' AND text ~ '[A-Za-z]' AND text !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}')))
  LIMIT 200)`;

/**
 * Removes what is stored under these ids, and notes that they were erased. Under lockForErasure.
 * @returns how many of them were stored
 */
export async function eraseStored(
  tx: Transaction,
  environmentId: number,
  entity: Entity,
  ids: readonly string[],
): Promise<number> {
  const { collection, idKey } = ENTITIES[entity];
  const distinct = [...new Set(ids)];
  // By key, even when PostgreSQL holds the table to be empty.
  await tx.query('SET LOCAL enable_seqscan = off');
  let stored = 0;
  for (let start = 0; start < distinct.length; start += IDS_PER_STATEMENT) {
    const some = distinct.slice(start, start + IDS_PER_STATEMENT);
    const { rows } = await tx.query<{ stored: number }>(
      `WITH gone AS (
         DELETE FROM ${collection} WHERE environment_id = $1 AND ${idKey} = ANY ($3) RETURNING ${idKey} AS id, metadata),
       noted AS (
         INSERT INTO erasures (environment_id, entity, subject, terms)
         SELECT $1, $2, i.id, coalesce(g.terms, '{}')
         FROM unnest($3::text[]) AS i(id) LEFT JOIN (SELECT id, ${TERMS} AS terms FROM gone) AS g ON g.id = i.id)
       SELECT count(*)::int AS stored FROM gone`,
      [environmentId, entity, some],
    );
    stored += rows[0]?.stored ?? 0;
    // What dry runs have noted lives only as long as they do.
    await tx.query(
      `DELETE FROM dry_run_profiles d USING jobs j
       WHERE j.environment_id = $1 AND j.entity = $2 AND j.dry_run AND j.ended_at IS NULL
         AND d.environment_id = $1 AND d.job_id = j.id AND d.id = ANY ($3)`,
      [environmentId, entity, some],
    );
  }
  return stored;
}

/** Somebody who was erased. */
export interface Erasure {
  id: number;
  entity: Entity;
  /** The id that was erased. */
  subject: string;
  /** Values by which an unreadable row may be known to be about them. */
  terms: string[];
}

const COLUMNS = 'id::float8 AS id, entity, subject, terms';

/**
 * Erasures that are about a job of this kind. One of users is about rows of companies too, as far as those cannot be read:
 * a file may have come to the wrong address.
 * @param after only those noted after this one
 */
export async function findErasures(
  db: Queryable,
  job: { id: string; environmentId: number; entity: Entity },
  after = 0,
): Promise<Erasure[]> {
  const { rows } = await db.query<Erasure>({
    name: 'find-erasures',
    text: `SELECT ${COLUMNS} FROM erasures
           WHERE environment_id = $1 AND id > greatest($3::bigint, (SELECT ordinal FROM jobs WHERE id = $2))
             AND entity IN ('user', $4)
           ORDER BY erasures.id`,
    values: [job.environmentId, job.id, after, job.entity],
  });
  return rows;
}

/** Erasures of an environment in the order in which they were asked for. @param through the last one */
export async function listErasures(
  db: Queryable,
  environmentId: number,
  through: number,
): Promise<Erasure[]> {
  const { rows } = await db.query<Erasure>(
    `SELECT ${COLUMNS} FROM erasures WHERE environment_id = $1 AND id <= $2 ORDER BY erasures.id`,
    [environmentId, through],
  );
  return rows;
}
