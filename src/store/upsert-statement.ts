/**
 * The SQL of the upsert where each id comes once: one statement that reads what is stored, merges, writes what has changed
 * and records the outcome of each row. fold-statement.ts has the one for ids that come again; both share the parts here.
 *
 * $1 environment, $2 job, $3 rows, $4 errors of refused rows by verdict, $5 most bytes that may be stored under these ids
 * for the statement to do anything (null = any), $6 MAX_PROFILE_BYTES, $7 bytes of metadata in memory up to which it can
 * break no limit. Names of tables and columns come from ENTITIES only.
 *
 * A row's verdict is its outcome, or why it failed: `mode` (create_only, update_only), `size` (the metadata would be too
 * large). OFFSET 0 keeps what is computed once from being written out, and computed anew, wherever it is used; it also
 * makes a lookup by key of what a planner without current statistics might do by reading the whole environment.
 */
import { ENTITIES, type Entity } from '#job/entity';
import type { ExistingMode, MetadataMode, UpsertJob } from '#job/options';

/** Keys that stored metadata may have, as a row may. */
export const MAX_PROFILE_KEYS = 1_000;

/** Compressed metadata whose size was never noted is assumed to be this many times as large as it is stored. */
const ASSUMED_COMPRESSION = 10;

/** The statement for rows of different ids. */
export function upsertStatement({ entity, metadataMode, existingMode, dryRun }: UpsertJob): string {
  return `
WITH ${INPUT},
found AS MATERIALIZED (
  SELECT i.*, s.is_there AS existed, s.place, s.version, s.company_id AS old_company, s.metadata AS old_metadata, s.size
  FROM input i ${stored(entity, dryRun)}
),
${WORK},
fold AS MATERIALIZED (
  SELECT f.row, f.id, f.existed, f.place, f.version, a.company_id, a.metadata, f.digest, v.verdict
  FROM found f
    CROSS JOIN LATERAL (SELECT
      CASE WHEN f.sets_company THEN f.company_id ELSE f.old_company END AS company_id,
      ${newMetadata(metadataMode)} AS metadata OFFSET 0) a
    CROSS JOIN LATERAL (SELECT ${verdict(existingMode)} AS verdict OFFSET 0) v
  WHERE (SELECT fits FROM work)
),
final AS MATERIALIZED (
  SELECT id, existed, place, version, company_id, metadata, pg_column_size(metadata) AS size, digest,
         verdict IN ('created', 'updated') AS changed
  FROM fold
),
${dryRun ? noteChanges() : writeChanges(entity)},
${RESULTS}
SELECT ${COUNTS} FROM fold`;
}

/** The rows, and the patch of each. `turn` counts the rows of one id. */
export const INPUT = `input AS MATERIALIZED (
  SELECT row, turn, id, coalesce(sets_company, false) AS sets_company, company_id, nulls, digest,
         coalesce(patch, nullif(whole -> 'metadata', 'null'), '{}') AS patch
  FROM jsonb_to_recordset($3::jsonb) AS r(
    row int, turn int, id text COLLATE "C", sets_company boolean, company_id text, nulls boolean, patch jsonb,
    whole jsonb, digest text)
)`;

/** Whether what is stored under the ids is little enough to be read and written in one statement. */
export const WORK = `work AS MATERIALIZED (
  SELECT $5::bigint IS NULL OR coalesce(sum(size), 0) <= $5 AS fits FROM found
)`;

export const RESULTS = `results AS (
  INSERT INTO row_results (environment_id, job_id, row, id, outcome, errors)
  SELECT $1, $2, row, id, (CASE WHEN verdict IN ('mode', 'size') THEN 'failed' ELSE verdict END)::outcome,
         $4::jsonb -> verdict
  FROM fold ORDER BY row
)`;

/** What the statement answers. `sizes` only when it has done nothing because they are too much: of each id, in row order. */
export const COUNTS = `
  count(*) FILTER (WHERE verdict = 'created')::int AS created,
  count(*) FILTER (WHERE verdict = 'updated')::int AS updated,
  count(*) FILTER (WHERE verdict = 'unchanged')::int AS unchanged,
  count(*) FILTER (WHERE verdict IN ('mode', 'size'))::int AS failed,
  count(*) FILTER (WHERE verdict = 'size')::int AS "tooLarge",
  (SELECT count(*) FROM final WHERE changed)::int AS wanted,
  ((SELECT count(*) FROM inserted) + (SELECT count(*) FROM updated))::int AS written,
  CASE WHEN NOT (SELECT fits FROM work) THEN (SELECT array_agg(coalesce(size, 0) ORDER BY row) FROM found) END AS sizes`;

/** Bytes in memory of the stored metadata of `table`, without reading it; an assumption when nobody has noted them. */
export function storedSize(table: string): string {
  return `greatest(pg_column_size(${table}.metadata), coalesce(${table}.metadata_size,
        pg_column_size(${table}.metadata)
          * CASE WHEN pg_column_compression(${table}.metadata) IS NULL THEN 1 ELSE ${ASSUMED_COMPRESSION} END))`;
}

/** `s`: the state before the rows of id i.id, which is what is stored, or what the dry run has noted instead. */
export function stored(entity: Entity, dryRun: boolean): string {
  const { collection, idKey, belongsToCompany } = ENTITIES[entity];
  const company = belongsToCompany ? 't.company_id' : 'NULL::text';
  const sizes = (table: string) => `${storedSize(table)} AS size,
        ${table}.metadata_size IS NOT NULL OR pg_column_compression(${table}.metadata) IS NULL AS is_size_sure`;
  const lookup = `LEFT JOIN LATERAL (
      SELECT t.ctid AS place, t.xmin AS version, ${company} AS company_id, t.metadata, ${sizes('t')}, true AS is_there
      FROM ${collection} t WHERE t.environment_id = $1 AND t.${idKey} = i.id OFFSET 0) t ON true`;
  if (!dryRun)
    return `${lookup}
    CROSS JOIN LATERAL (SELECT t.place, t.version, t.company_id, t.metadata, t.size, t.is_size_sure,
                               t.is_there IS NOT NULL AS is_there) s`;
  return `${lookup}
    LEFT JOIN LATERAL (
      SELECT d.company_id, d.metadata, ${sizes('d')}, true AS is_there FROM dry_run_profiles d
      WHERE d.environment_id = $1 AND d.job_id = $2 AND d.id = i.id OFFSET 0) d ON true
    CROSS JOIN LATERAL (
      SELECT t.place, t.version, CASE WHEN d.is_there THEN d.company_id ELSE t.company_id END AS company_id,
             coalesce(d.metadata, t.metadata) AS metadata, coalesce(d.size, t.size) AS size,
             coalesce(d.is_size_sure, t.is_size_sure) AS is_size_sure,
             coalesce(d.is_there, t.is_there, false) AS is_there) s`;
}

/**
 * Metadata after the row. Stored metadata has no nulls, so there is something to remove only when the row has them.
 */
function newMetadata(mode: MetadataMode): string {
  const whole = mode === 'replace' ? 'f.patch' : 'coalesce(f.old_metadata || f.patch, f.patch)';
  return `CASE WHEN f.nulls THEN jsonb_strip_nulls(${whole}) ELSE ${whole} END`;
}

/**
 * *= compares the stored images, so that 1.0 and 1.00, which jsonb holds to be equal, count as a change: values are
 * stored with every digit.
 */
function verdict(mode: ExistingMode): string {
  const ifFits = (outcome: string) =>
    `CASE WHEN ${isTooLarge('a.metadata', 'f.old_metadata')} THEN 'size' ELSE '${outcome}' END`;
  const whenThere =
    mode === 'create_only'
      ? "'mode'"
      : `CASE WHEN ROW(f.old_company, f.old_metadata)::record *= ROW(a.company_id, a.metadata)::record
              THEN 'unchanged' ELSE ${ifFits('updated')} END`;
  const whenNot = mode === 'update_only' ? "'mode'" : ifFits('created');
  return `CASE WHEN f.existed THEN ${whenThere} ELSE ${whenNot} END`;
}

/**
 * Whether metadata breaks a limit that the metadata before, which may be absent, did not break as much: what an older
 * version has let grow may still be changed as long as it does not grow.
 */
export function isTooLarge(after: string, before = 'NULL::jsonb'): string {
  return `CASE WHEN pg_column_size(${after}) <= $7 THEN false
    ELSE CASE WHEN octet_length(${after}::text) > $6 AND ${compactBytes(after)} > $6
              THEN ${compactBytes(after)} > coalesce(${compactBytes(before)}, 0) ELSE false END
      OR CASE WHEN ${keyCount(after)} > ${MAX_PROFILE_KEYS}
              THEN ${keyCount(after)} > ${keyCount(before)} ELSE false END END`;
}

/** Bytes of an object as JSON text without white space; PostgreSQL writes a space behind each colon and comma. */
export function compactBytes(object: string): string {
  return `(octet_length(${object}::text) - greatest(2 * ${keyCount(object)} - 1, 0))`;
}

export function keyCount(object: string): string {
  return `(SELECT count(*)::int FROM jsonb_object_keys(${object}))`;
}

export function writeChanges(entity: Entity): string {
  const { collection, idKey, belongsToCompany } = ENTITIES[entity];
  // Found by its place, which needs no index; it is the row that was read when its version is still there.
  const companyColumn = belongsToCompany ? ', company_id' : '';
  const setCompany = belongsToCompany ? 'company_id = f.company_id,' : '';
  return `inserted AS (
  INSERT INTO ${collection} (environment_id, ${idKey}${companyColumn}, metadata, metadata_size, last_job_id, row_digest)
  SELECT $1, id${companyColumn}, metadata, size, $2, decode(digest, 'hex')
  FROM final WHERE NOT existed AND changed ORDER BY id RETURNING 1
),
updated AS (
  UPDATE ${collection} t SET ${setCompany} metadata = f.metadata, metadata_size = f.size, updated_at = now(),
    last_job_id = $2, row_digest = decode(f.digest, 'hex')
  FROM final f
  WHERE f.existed AND f.changed AND t.ctid = f.place AND t.xmin = f.version AND t.${idKey} = f.id
  RETURNING 1
)`;
}

/** In the place of writeChanges; there is no race to lose. */
export function noteChanges(): string {
  return `inserted AS (
  INSERT INTO dry_run_profiles AS d (environment_id, job_id, id, company_id, metadata, metadata_size)
  SELECT $1, $2, id, company_id, metadata, size FROM final WHERE changed ORDER BY id
  ON CONFLICT (environment_id, job_id, id) DO UPDATE
    SET company_id = excluded.company_id, metadata = excluded.metadata, metadata_size = excluded.metadata_size
  RETURNING 1
),
updated AS (SELECT WHERE false)`;
}
