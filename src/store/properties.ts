/** The property catalogue: which metadata keys an environment has, and with which types. */
import type { Entity } from '#job/entity';
import type { PropertyType } from '#job/observations';
import type { Transaction } from './client';

export interface SeenProperty {
  key: string;
  types: PropertyType[];
}

/**
 * Adds what a job has seen to the catalogue.
 * @returns the types known before, of those keys that were in the catalogue already
 */
export async function catalogueProperties(
  tx: Transaction,
  job: { id: string; environmentId: number; entity: Entity },
  seen: readonly SeenProperty[],
): Promise<Map<string, PropertyType[]>> {
  if (seen.length === 0) return new Map();
  const { rows } = await tx.query<SeenProperty>(
    `WITH seen AS (
       SELECT key, types FROM jsonb_to_recordset($4::jsonb) AS s(key text, types text[])
     ), known AS (
       SELECT p.key, p.types FROM properties p JOIN seen USING (key)
       WHERE p.environment_id = $1 AND p.entity = $3
     ), written AS (
       INSERT INTO properties AS p (environment_id, entity, key, types, first_job_id)
       SELECT $1, $3, key, types, $2 FROM seen ORDER BY key
       ON CONFLICT (environment_id, entity, key) DO UPDATE SET
         types = ARRAY(SELECT unnest(p.types) UNION SELECT unnest(excluded.types) ORDER BY 1), last_seen_at = now()
     )
     SELECT key, types FROM known`,
    [job.environmentId, job.id, job.entity, JSON.stringify(seen)],
  );
  return new Map(rows.map(({ key, types }) => [key, types]));
}
