/**
 * Upserts the rows of single calls at once, many calls in one statement. Unlike a bulk import it locks what is stored before
 * it merges, so that it never has to be tried again for a change in between: a caller is waiting.
 */
import { ENTITIES, type Entity } from '#job/entity';
import type { Outcome } from '#job/outcome';
import { countLimitHit } from '#metrics';
import { KEY_IS_OPEN } from './api-keys';
import type { Transaction } from './client';
import { LostRaceError } from './faults';
import { DEFAULT_MAX_PROFILE_BYTES, safeBytesOf } from './upsert-rows';
import { isTooLarge } from './upsert-statement';

/** A row that passed every check, of one environment. */
export interface LiveRow {
  environmentId: number;
  /** The key that sends it: a row of a key that is not valid any more is not written. */
  keyId: number;
  id: string;
  /** undefined leaves the stored company, null detaches it. Undefined for companies. */
  companyId: string | null | undefined;
  /** JSON text of the metadata to merge (RFC 7396); numbers as the client wrote them. */
  metadata: string;
  /** JSON text that replaces the stored memory of a user; undefined leaves it. */
  memory?: string | undefined;
}

/** What became of a live row. refused: its key is not valid any more. too_large: what would be stored breaks a limit. */
export type LiveOutcome = Exclude<Outcome, 'failed'> | 'refused' | 'too_large';

/**
 * Applies rows of different ids, whole ones, and says what became of each.
 * @param rows no two of the same environment and id
 * @returns in the order of the rows
 * @throws LostRaceError when somebody else has just stored one of the ids; errors of PostgreSQL when it refuses a value
 */
export async function upsertNow(
  tx: Transaction,
  entity: Entity,
  rows: readonly LiveRow[],
  maxProfileBytes = DEFAULT_MAX_PROFILE_BYTES,
): Promise<LiveOutcome[]> {
  const { rows: answers } = await tx.query<{ outcome: LiveOutcome | 'lost' }>({
    name: `upsert-now-${entity}`,
    text: statement(entity),
    values: [
      rows.map(({ environmentId }) => environmentId),
      rows.map(({ keyId }) => keyId),
      rows.map(({ id }) => id),
      rows.map(({ companyId }) => companyId !== undefined),
      rows.map(({ companyId }) => companyId ?? null),
      maxProfileBytes,
      safeBytesOf(maxProfileBytes),
      rows.map(({ metadata }) => metadata),
      rows.map(({ memory }) => memory ?? null),
    ],
  });
  return answers.map(({ outcome }) => {
    if (outcome === 'lost') throw new LostRaceError();
    if (outcome === 'too_large') countLimitHit('profile_bytes');
    return outcome;
  });
}

/**
 * Locks in the order of environment and id, so that two statements never wait for each other. What FOR UPDATE gives is the
 * newest version, also when it is newer than the statement; the update then finds that version by key.
 * OFFSET 0 makes each look a look by key, whatever the planner believes of the tables.
 * *= compares stored images: 1.0 and 1.00 are different values.
 */
function statement(entity: Entity): string {
  const { collection, idKey, belongsToCompany } = ENTITIES[entity];
  const [company, memory] = belongsToCompany
    ? ['t.company_id', 't.memory::text']
    : ['NULL::text', 'NULL::text'];
  const columns = belongsToCompany ? ', company_id, memory' : '';
  const values = belongsToCompany ? ', company_id, memory::json' : '';
  const set = belongsToCompany ? ', company_id = w.company_id, memory = w.memory::json' : '';
  return `
WITH input AS MATERIALIZED (
  SELECT i.*, k.is_valid IS NOT NULL AS is_valid
  FROM unnest($1::int[], $2::int[], $3::text[], $4::boolean[], $5::text[], $8::text[], $9::text[])
    WITH ORDINALITY AS i(environment_id, key_id, id, sets_company, company_id, patch, memory, place)
  LEFT JOIN LATERAL (
    SELECT true AS is_valid FROM api_keys
    WHERE api_keys.id = i.key_id AND api_keys.environment_id = i.environment_id AND ${KEY_IS_OPEN} OFFSET 0) k ON true
  ORDER BY i.environment_id, i.id COLLATE "C"
),
stored AS MATERIALIZED (
  SELECT i.environment_id, i.id, t.*
  FROM input i CROSS JOIN LATERAL (
    SELECT ${company} AS company_id, t.metadata, ${memory} AS memory FROM ${collection} t
    WHERE i.is_valid AND t.environment_id = i.environment_id AND t.${idKey} = i.id OFFSET 0 FOR UPDATE) t
),
merged AS MATERIALIZED (
  SELECT i.place, i.environment_id, i.id, i.is_valid, s.id IS NOT NULL AS existed,
         CASE WHEN i.sets_company THEN i.company_id ELSE s.company_id END AS company_id,
         jsonb_strip_nulls(coalesce(s.metadata, '{}') || i.patch::jsonb) AS metadata,
         coalesce(i.memory, s.memory) AS memory, s.metadata AS before,
         ROW(s.company_id, s.metadata, s.memory)::record *= ROW(
           CASE WHEN i.sets_company THEN i.company_id ELSE s.company_id END,
           jsonb_strip_nulls(coalesce(s.metadata, '{}') || i.patch::jsonb),
           coalesce(i.memory, s.memory))::record AS is_same
  FROM input i LEFT JOIN stored s ON s.environment_id = i.environment_id AND s.id = i.id
),
wanted AS MATERIALIZED (
  SELECT m.*, NOT coalesce(m.is_same, false) AND ${isTooLarge('m.metadata', 'm.before')} AS is_too_large FROM merged m
),
inserted AS (
  INSERT INTO ${collection} (environment_id, ${idKey}, metadata, metadata_size${columns})
  SELECT environment_id, id, metadata, pg_column_size(metadata)${values} FROM wanted WHERE is_valid AND NOT existed AND NOT is_too_large
  ON CONFLICT DO NOTHING RETURNING environment_id, ${idKey} AS id
),
updated AS (
  UPDATE ${collection} t SET metadata = w.metadata, metadata_size = pg_column_size(w.metadata), updated_at = now(), last_job_id = NULL, row_digest = NULL${set}
  FROM wanted w
  WHERE w.existed AND NOT w.is_same AND NOT w.is_too_large AND t.environment_id = w.environment_id AND t.${idKey} = w.id
)
SELECT CASE WHEN NOT w.is_valid THEN 'refused' WHEN w.is_too_large THEN 'too_large'
            WHEN NOT w.existed THEN CASE WHEN i.id IS NULL THEN 'lost' ELSE 'created' END
            WHEN w.is_same THEN 'unchanged' ELSE 'updated' END AS outcome
FROM wanted w LEFT JOIN inserted i ON i.environment_id = w.environment_id AND i.id = w.id
ORDER BY w.place`;
}
