/** The property catalogue: which metadata keys an environment has, and with which types. */
import type { Entity } from '#job/entity';
import type { PropertyType } from '#job/observations';
import type { Queryable, Transaction } from './client';

export interface SeenProperty {
  key: string;
  types: PropertyType[];
}

/** Adds what single calls have sent to the catalogue. */
export async function catalogueProperties(
  tx: Transaction,
  { environmentId, entity }: { environmentId: number; entity: Entity },
  seen: readonly SeenProperty[],
): Promise<void> {
  await tx.query(
    `INSERT INTO properties AS p (environment_id, entity, key, types)
     SELECT $1, $2, key, types FROM jsonb_to_recordset($3::jsonb) AS s(key text, types text[]) ORDER BY key
     ON CONFLICT (environment_id, entity, key) DO UPDATE SET
       types = ARRAY(SELECT unnest(p.types) UNION SELECT unnest(excluded.types) ORDER BY 1), last_seen_at = now()`,
    [environmentId, entity, JSON.stringify(seen)],
  );
}

/** A property of the catalogue. */
export interface Property extends SeenProperty {
  firstSeenAt: Date;
  lastSeenAt: Date;
  /** Null when a single call has sent it first. */
  firstJobId: string | null;
}

/** Properties in the order of their keys' bytes. @param after only keys behind this one */
export async function listProperties(
  db: Queryable,
  environmentId: number,
  entity: Entity,
  { after, limit }: { after: string | undefined; limit: number },
): Promise<Property[]> {
  const { rows } = await db.query<Property>(
    `SELECT key, types, first_seen_at AS "firstSeenAt", last_seen_at AS "lastSeenAt", first_job_id AS "firstJobId"
     FROM properties
     WHERE environment_id = $1 AND entity = $2 AND ($3::text IS NULL OR key COLLATE "C" > $3)
     ORDER BY key COLLATE "C"
     LIMIT $4`,
    [environmentId, entity, after ?? null, limit],
  );
  return rows;
}
