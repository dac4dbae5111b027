/** The property catalogue: which metadata keys an environment has, and with which types. */
import type { Entity } from '#job/entity';
import type { PropertyType } from '#job/observations';
import type { Queryable, Transaction } from './client';

export interface SeenProperty {
  key: string;
  types: PropertyType[];
}

interface CataloguedJob {
  /** Null for single calls. */
  id: string | null;
  environmentId: number;
  entity: Entity;
}

/** The types known so far of those keys that are in the catalogue. */
export async function findKnownTypes(
  tx: Transaction,
  job: CataloguedJob,
  seen: readonly SeenProperty[],
): Promise<Map<string, PropertyType[]>> {
  const { rows } = await tx.query<SeenProperty>(
    'SELECT key, types FROM properties WHERE environment_id = $1 AND entity = $2 AND key = ANY ($3)',
    [job.environmentId, job.entity, seen.map(({ key }) => key)],
  );
  return new Map(rows.map(({ key, types }) => [key, types]));
}

/** Adds what a job has seen to the catalogue. */
export async function catalogueProperties(
  tx: Transaction,
  job: CataloguedJob,
  seen: readonly SeenProperty[],
): Promise<void> {
  await tx.query(
    `INSERT INTO properties AS p (environment_id, entity, key, types, first_job_id)
     SELECT $1, $3, key, types, $2 FROM jsonb_to_recordset($4::jsonb) AS s(key text, types text[]) ORDER BY key
     ON CONFLICT (environment_id, entity, key) DO UPDATE SET
       types = ARRAY(SELECT unnest(p.types) UNION SELECT unnest(excluded.types) ORDER BY 1), last_seen_at = now()`,
    [job.environmentId, job.id, job.entity, JSON.stringify(seen)],
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
