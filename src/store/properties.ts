/** The property catalogue: which metadata keys an environment has, and with which types. */
import type { Entity } from '#job/entity';
import type { PropertyType } from '#job/observations';
import type { Queryable } from './client';

export interface SeenProperty {
  key: string;
  types: PropertyType[];
}

/** A property of the catalogue. */
export interface Property extends SeenProperty {
  firstSeenAt: Date;
  lastSeenAt: Date;
  firstJobId: string;
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
