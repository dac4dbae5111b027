/**
 * How many users or companies have each metadata key. Counted when it is asked for, because to keep the numbers would make
 * every import slower; in a large environment from a sample, so that asking stays cheap.
 */
import { ENTITIES, type Entity } from '#job/entity';
import type { Queryable } from './client';

export interface PropertyCounts {
  /** Users or companies that were looked at. */
  looked: number;
  /** Those of them that have the key. */
  having: ReadonlyMap<string, number>;
  /** Share of all that was looked at, above 0 to 1; less than 1 for a sample. */
  share: number;
}

/** So many are all looked at: what a second or so can read when each has a hundred keys. */
export const MOST_COUNTED = 10_000;
/** A sample has at least so many; a share of it is right within 3 % or so. */
const LEAST_SAMPLED = 1_000;

/** Rows of a table as PostgreSQL has last estimated them; before it has, by the table's size. */
const ESTIMATED_ROWS = `
  SELECT (CASE WHEN reltuples > 0 THEN reltuples ELSE pg_relation_size(oid) / 400.0 END)::float8 AS rows
  FROM pg_class WHERE oid = $1::regclass`;

/** Counts the keys of all of an environment's users or companies, or of a sample of them. */
export async function countProperties(
  db: Queryable,
  environmentId: number,
  entity: Entity,
): Promise<PropertyCounts> {
  const { collection } = ENTITIES[entity];
  const all = await countKeys(db, `${collection} WHERE environment_id = $1 LIMIT $2`, [
    environmentId,
    MOST_COUNTED + 1,
  ]);
  if (all.looked <= MOST_COUNTED) return { ...all, share: 1 };
  const { rows } = await db.query<{ rows: number }>(ESTIMATED_ROWS, [collection]);
  // The environment may be a small part of the table: then the sample is made larger until enough of it are in.
  for (let share = MOST_COUNTED / Math.max(rows[0]?.rows ?? 0, MOST_COUNTED); ; share *= 10) {
    const percent = Math.min(100, share * 100);
    const source = `${collection} TABLESAMPLE SYSTEM ($2) WHERE environment_id = $1`;
    const sample = await countKeys(db, source, [environmentId, percent]);
    if (sample.looked >= LEAST_SAMPLED || percent === 100) return { ...sample, share: percent / 100 };
  }
}

async function countKeys(
  db: Queryable,
  source: string,
  values: readonly number[],
): Promise<Omit<PropertyCounts, 'share'>> {
  const { rows } = await db.query<{ key: string | null; count: number }>(
    `WITH looked AS MATERIALIZED (SELECT metadata FROM ${source})
     SELECT NULL AS key, count(*)::int AS count FROM looked
     UNION ALL
     SELECT key, count(*)::int FROM looked, jsonb_object_keys(metadata) AS key GROUP BY key`,
    [...values],
  );
  const having = new Map<string, number>();
  let looked = 0;
  for (const { key, count } of rows) {
    if (key === null) looked = count;
    else having.set(key, count);
  }
  return { looked, having };
}
