/**
 * The set-based upsert: one statement for some hundred rows that inserts, merges, leaves unchanged rows alone and
 * records the outcome of each.
 *
 * Rows of one id are folded in order (`turn` 1, 2, ...), each upon what the one before has left, so that the end state
 * and every outcome are those of applying the rows one after another. Nothing is locked beforehand: stored rows are read
 * at the statement's snapshot and written only if they are still the version that was read (xmin); otherwise the whole
 * transaction is tried again (LostRaceError). So an unchanged row costs no write and no lock.
 */
import { ENTITIES, type Entity } from '#job/entity';
import type { ExistingMode, MetadataMode, UpsertJob } from '#job/options';
import { noRows, type OutcomeCounts, type RowError, rowError } from '#job/outcome';
import type { AcceptedRow } from '#job/row';
import type { Transaction } from './client';
import { LostRaceError, violates } from './faults';
import { settleSameRows } from './row-digest';

interface UpsertAnswer extends OutcomeCounts {
  /** Users that had to be written, and that were. */
  wanted: number;
  written: number;
}

/**
 * Applies accepted rows in their order.
 * metadata merge: RFC 7396, keys not sent stay, null removes; replace: the metadata becomes what is sent.
 * A dry run reads the same and writes outcomes only; what it would have stored is kept apart for its later rows.
 * @param rows in row order; ids may come more than once
 * @returns how many rows had which outcome
 * @throws LostRaceError when a stored row changed in between; errors of PostgreSQL when it refuses a value
 */
export async function upsertRows(
  tx: Transaction,
  job: UpsertJob,
  rows: readonly AcceptedRow[],
): Promise<OutcomeCounts> {
  const repeats = new Set(rows.map(({ id }) => id)).size < rows.length;
  // Of rows of one id the later ones meet what the earlier ones leave, which is not there yet.
  const others = repeats ? rows : await settleSameRows(tx, job, rows);
  const counts = await mergeRows(tx, job, others, repeats);
  counts.unchanged += rows.length - others.length;
  return counts;
}

/** Looks into the rows, and into the stored ones. */
async function mergeRows(
  tx: Transaction,
  job: UpsertJob,
  rows: readonly AcceptedRow[],
  repeats: boolean,
): Promise<OutcomeCounts> {
  if (rows.length === 0) return noRows();
  const { entity, metadataMode, existingMode, dryRun } = job;
  const answer = tx.query<UpsertAnswer>({
    name: ['upsert', entity, metadataMode, existingMode, dryRun, repeats].join('-'),
    text: upsertStatement(job, repeats),
    values: [job.environmentId, job.id, writeInput(rows), JSON.stringify([refusal(job)])],
  });
  const { rows: answers } = await answer.catch((error: unknown) => {
    // Somebody else has stored the id in the meantime. ON CONFLICT would tell too, for a third more of the insert's time.
    throw violates(error, `${ENTITIES[entity].collection}_pkey`) ? new LostRaceError() : error;
  });
  const { wanted, written, ...counts } = answers[0] as UpsertAnswer;
  if (written !== wanted) throw new LostRaceError();
  return counts;
}

/** The error of a row that the mode refuses. */
function refusal({ entity, existingMode }: UpsertJob): RowError {
  const code = existingMode === 'create_only' ? 'already_exists' : 'does_not_exist';
  return rowError(code, ENTITIES[entity].idKey);
}

/**
 * The rows as one JSON array. What the client wrote goes in as text, because a second pass of JSON.stringify would round
 * numbers. The keys are in the order in which jsonb holds them, short ones first: then PostgreSQL need not sort them.
 */
function writeInput(rows: readonly AcceptedRow[]): string {
  const turns = new Map<string, number>();
  const items = rows.map(({ row, id, companyId, json, isWhole, hasNulls, digest }) => {
    const turn = (turns.get(id) ?? 0) + 1;
    turns.set(id, turn);
    const company =
      companyId === undefined ? '' : `,"company_id":${JSON.stringify(companyId)},"sets_company":true`;
    const nulls = hasNulls ? '"nulls":true,' : '';
    const patch = isWhole ? `"whole":${json}` : `"patch":${json}`;
    return `{"id":${JSON.stringify(id)},"row":${row},"turn":${turn},${nulls}${patch},"digest":"${digest}"${company}}`;
  });
  return `[${items.join(',')}]`;
}

/**
 * $1 environment, $2 job, $3 rows, $4 errors of a row that the mode refuses. Names of tables and columns come from
 * ENTITIES only.
 * OFFSET 0 keeps what is computed once from being written out, and computed anew, wherever it is used.
 * @param repeats whether an id may come more than once
 */
function upsertStatement(
  { entity, metadataMode, existingMode, dryRun }: UpsertJob,
  repeats: boolean,
): string {
  const after = (before: string) => `
    CROSS JOIN LATERAL (SELECT
      CASE WHEN i.sets_company THEN i.company_id ELSE ${before}.company_id END AS company_id,
      ${newMetadata(metadataMode, before)} AS metadata OFFSET 0) a
    CROSS JOIN LATERAL (SELECT ${outcome(existingMode, before)} AS outcome OFFSET 0) o`;
  const state = (before: string) => `
         ${kept(existingMode, before, 'a', 'company_id')}, ${kept(existingMode, before, 'a', 'metadata')},
         ${kept(existingMode, before, 'i', 'digest')}, o.outcome,
         ${before}.is_there OR o.outcome = 'created' AS is_there`;
  return `
WITH RECURSIVE input AS MATERIALIZED (
  SELECT row, turn, id, coalesce(sets_company, false) AS sets_company, company_id, nulls, digest,
         coalesce(patch, nullif(whole -> 'metadata', 'null'), '{}') AS patch
  FROM jsonb_to_recordset($3::jsonb) AS r(
    row int, turn int, id text, sets_company boolean, company_id text, nulls boolean, patch jsonb, whole jsonb, digest text)
),
fold AS MATERIALIZED (
  SELECT i.row, i.turn, i.id, s.is_there AS existed, s.place, s.version, ${state('s')}
  FROM input i
    ${stored(entity, dryRun)}
    ${after('s')}
  ${repeats ? foldOn(state('f'), after('f')) : ''}
),
final AS MATERIALIZED (${repeats ? LAST_OF_EACH : ONE_OF_EACH}),
${dryRun ? noteChanges() : writeChanges(entity)},
results AS (
  INSERT INTO row_results (environment_id, job_id, row, id, outcome, errors)
  SELECT $1, $2, row, id, outcome::outcome, CASE outcome WHEN 'failed' THEN $4::jsonb END FROM fold ORDER BY row
)
SELECT count(*) FILTER (WHERE outcome = 'created')::int AS created,
       count(*) FILTER (WHERE outcome = 'updated')::int AS updated,
       count(*) FILTER (WHERE outcome = 'unchanged')::int AS unchanged,
       count(*) FILTER (WHERE outcome = 'failed')::int AS failed,
       (SELECT count(*) FROM final WHERE changed)::int AS wanted,
       ((SELECT count(*) FROM inserted) + (SELECT count(*) FROM updated))::int AS written
FROM fold`;
}

/** The rows after the first of each id, one turn after another. */
function foldOn(state: string, after: string): string {
  return `WHERE i.turn = 1
  UNION ALL
  SELECT i.row, i.turn, i.id, f.existed, f.place, f.version, ${state}
  FROM fold f JOIN input i ON i.id = f.id AND i.turn = f.turn + 1
    ${after}`;
}

/** What is left of each id in the end. */
const LAST_OF_EACH = `
  SELECT DISTINCT ON (id) id, existed, place, version, company_id, metadata, digest,
         bool_or(outcome IN ('created', 'updated')) OVER (PARTITION BY id) AS changed
  FROM fold ORDER BY id, turn DESC`;
const ONE_OF_EACH = `
  SELECT id, existed, place, version, company_id, metadata, digest, outcome IN ('created', 'updated') AS changed FROM fold`;

/**
 * The state before the first row: what is stored, or what the dry run has noted instead. OFFSET 0 makes it a look by key
 * for each row: as a join, a planner without current statistics may read the whole environment for every batch.
 */
function stored(entity: Entity, dryRun: boolean): string {
  const { collection, idKey, belongsToCompany } = ENTITIES[entity];
  const company = belongsToCompany ? 't.company_id' : 'NULL::text';
  const look = `LEFT JOIN LATERAL (
      SELECT t.ctid AS place, t.xmin AS version, ${company} AS company_id, t.metadata, true AS is_there
      FROM ${collection} t WHERE t.environment_id = $1 AND t.${idKey} = i.id OFFSET 0) t ON true`;
  if (!dryRun)
    return `${look}
    CROSS JOIN LATERAL (
      SELECT t.place, t.version, t.company_id, t.metadata, NULL AS digest, t.is_there IS NOT NULL AS is_there) s`;
  return `${look}
    LEFT JOIN LATERAL (
      SELECT d.company_id, d.metadata, true AS is_there FROM dry_run_profiles d
      WHERE d.environment_id = $1 AND d.job_id = $2 AND d.id = i.id OFFSET 0) d ON true
    CROSS JOIN LATERAL (
      SELECT t.place, t.version, CASE WHEN d.is_there THEN d.company_id ELSE t.company_id END AS company_id,
             coalesce(d.metadata, t.metadata) AS metadata, NULL AS digest, coalesce(d.is_there, t.is_there, false) AS is_there) s`;
}

/**
 * Metadata after row i upon the state `before`, which may be absent. Stored metadata has no nulls, so there is something
 * to remove only when the row has them.
 */
function newMetadata(mode: MetadataMode, before: string): string {
  const whole = mode === 'replace' ? 'i.patch' : `coalesce(${before}.metadata || i.patch, i.patch)`;
  return `CASE WHEN i.nulls THEN jsonb_strip_nulls(${whole}) ELSE ${whole} END`;
}

/**
 * *= compares the stored images, so that 1.0 and 1.00, which jsonb holds to be equal, count as a change: values are
 * stored with every digit.
 */
function outcome(mode: ExistingMode, before: string): string {
  const whenThere =
    mode === 'create_only'
      ? "'failed'"
      : `CASE WHEN ROW(${before}.company_id, ${before}.metadata)::record *= ROW(a.company_id, a.metadata)::record
              THEN 'unchanged' ELSE 'updated' END`;
  const whenNot = mode === 'update_only' ? "'failed'" : "'created'";
  return `CASE WHEN ${before}.is_there THEN ${whenThere} ELSE ${whenNot} END`;
}

/** A refused row leaves the state as it was. */
function kept(mode: ExistingMode, before: string, after: string, column: string): string {
  if (mode === 'upsert') return `${after}.${column}`;
  return `CASE WHEN o.outcome = 'failed' THEN ${before}.${column} ELSE ${after}.${column} END AS ${column}`;
}

function writeChanges(entity: Entity): string {
  const { collection, idKey, belongsToCompany } = ENTITIES[entity];
  // Found by its place, which needs no index; it is the row that was read when its version is still there.
  const companyColumn = belongsToCompany ? ', company_id' : '';
  const setCompany = belongsToCompany ? 'company_id = f.company_id,' : '';
  return `inserted AS (
  INSERT INTO ${collection} (environment_id, ${idKey}${companyColumn}, metadata, last_job_id, row_digest)
  SELECT $1, id${companyColumn}, metadata, $2, decode(digest, 'hex') FROM final WHERE NOT existed AND changed ORDER BY id RETURNING 1
),
updated AS (
  UPDATE ${collection} t SET ${setCompany} metadata = f.metadata, updated_at = now(), last_job_id = $2,
    row_digest = decode(f.digest, 'hex')
  FROM final f
  WHERE f.existed AND f.changed AND t.ctid = f.place AND t.xmin = f.version AND t.${idKey} = f.id
  RETURNING 1
)`;
}

/** In the place of writeChanges; there is no race to lose. */
function noteChanges(): string {
  return `inserted AS (
  INSERT INTO dry_run_profiles AS d (environment_id, job_id, id, company_id, metadata)
  SELECT $1, $2, id, company_id, metadata FROM final WHERE changed ORDER BY id
  ON CONFLICT (environment_id, job_id, id) DO UPDATE
    SET company_id = excluded.company_id, metadata = excluded.metadata
  RETURNING 1
),
updated AS (SELECT WHERE false)`;
}
