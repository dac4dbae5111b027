/**
 * Taking erased people out of the rows of jobs: a staged row becomes empty, which no row ever is when it comes; its result
 * loses id and errors; the place of both stays. How far that has come stands in `erasure_walks`, one for each environment.
 */
import type { Entity } from '#job/entity';
import type { Reading } from '#job/reading';
import type { StagedRow } from '#job/row';
import type { Queryable, Transaction } from './client';
import { emptyStagedRows } from './staged-rows';

/** A job as it is scrubbed. */
export interface ScrubbedJob {
  id: string;
  environmentId: number;
  entity: Entity;
  ordinal: number;
  /** As it is stored, not as it is shown. */
  filename: string;
  csvHeader: Buffer | null;
  reading: Reading;
  totalRows: number;
  /** Whether it may have rows without a result, or results without an id. */
  hasUnread: boolean;
}

const COLUMNS = `id, environment_id AS "environmentId", entity, ordinal::float8 AS ordinal, filename,
  csv_header AS "csvHeader", reading, total_rows AS "totalRows",
  failed_rows > 0 OR created_rows + updated_rows + unchanged_rows + failed_rows < total_rows AS "hasUnread"`;

export async function findScrubbedJob(
  db: Queryable,
  environmentId: number,
  id: string,
): Promise<ScrubbedJob | undefined> {
  const { rows } = await db.query<ScrubbedJob>(
    `SELECT ${COLUMNS} FROM jobs WHERE id = $1 AND environment_id = $2`,
    [id, environmentId],
  );
  return rows[0];
}

/** Statements of this transaction go by key, even when PostgreSQL holds a table to be empty. */
export async function goByKey(tx: Transaction): Promise<void> {
  await tx.query('SET LOCAL enable_seqscan = off');
}

/** Rows of a job behind `after`, up to `through`. */
export interface ScrubbedRange {
  after: number;
  through: number;
}

/** Scrubs the rows of a range that have a result with one of these ids. */
export async function scrubIds(
  tx: Transaction,
  { environmentId, id }: ScrubbedJob,
  { after, through }: ScrubbedRange,
  ids: readonly string[],
): Promise<void> {
  const { rows } = await tx.query<{ row: number }>(
    `UPDATE row_results SET id = NULL, errors = NULL, erased = true
     WHERE environment_id = $1 AND job_id = $2 AND row > $3 AND row <= $4 AND id = ANY ($5)
     RETURNING row`,
    [environmentId, id, after, through, ids],
  );
  if (rows.length > 0) {
    await emptyStagedRows(
      tx,
      environmentId,
      id,
      rows.map(({ row }) => row),
    );
  }
}

/**
 * The rows of a range that say only in themselves whom they are about: without a result, or with one that has no id. In
 * their order; stops before the row that would go over the bytes, but gives one row at least.
 */
export async function readUnreadRows(
  tx: Transaction,
  { environmentId, id }: ScrubbedJob,
  { after, through }: ScrubbedRange,
  bytes: number,
): Promise<StagedRow[]> {
  const { rows } = await tx.query<StagedRow>(
    `SELECT row, raw FROM (
       SELECT s.row, s.raw,
              sum(octet_length(s.raw)) OVER (ORDER BY s.row ROWS UNBOUNDED PRECEDING) - octet_length(s.raw) AS bytes_before
       FROM staged_rows s LEFT JOIN LATERAL (
         SELECT true AS is_read FROM row_results r
         WHERE r.environment_id = $1 AND r.job_id = $2 AND r.row = s.row AND (r.id IS NOT NULL OR r.erased) OFFSET 0) r ON true
       WHERE s.environment_id = $1 AND s.job_id = $2 AND s.row > $3 AND s.row <= $4
         AND octet_length(s.raw) > 0 AND r.is_read IS NULL) unread
     WHERE bytes_before < $5
     ORDER BY row`,
    [environmentId, id, after, through, bytes],
  );
  return rows;
}

/** Scrubs rows by their numbers. */
export async function scrubRows(
  tx: Transaction,
  { environmentId, id }: ScrubbedJob,
  rows: readonly number[],
): Promise<void> {
  await emptyStagedRows(tx, environmentId, id, rows);
  await tx.query(
    `UPDATE row_results SET id = NULL, errors = NULL, erased = true
     WHERE environment_id = $1 AND job_id = $2 AND row = ANY ($3)`,
    [environmentId, id, rows],
  );
}

/**
 * For statements on `jobs` beside its slices. A delivery that comes while the row is locked does nothing: the rescue is to
 * look after the job soon. The revision stays, because nobody's delivery is outdated.
 */
export const RESCUE_SOON = `due_at = CASE WHEN ended_at IS NULL THEN clock_timestamp() - interval '1 minute' ELSE due_at END`;

/** Gives the job's file another name, and its rows another header line. */
export async function rewriteJob(
  tx: Transaction,
  { id }: ScrubbedJob,
  { filename, csvHeader }: Pick<ScrubbedJob, 'filename' | 'csvHeader'>,
): Promise<void> {
  await tx.query(`UPDATE jobs SET filename = $2, csv_header = $3, ${RESCUE_SOON} WHERE id = $1`, [
    id,
    filename,
    csvHeader,
  ]);
}

/** How far the scrubbing of an environment has come. */
export interface ErasureWalk {
  environmentId: number;
  /** The last erasure that it serves. */
  throughId: number;
  jobOrdinal: number;
  jobId: string;
  /** Last row of that job that is scrubbed. */
  row: number;
}

/** Erasures that one walk serves; those behind them wait for the next one. */
const ERASURES_PER_WALK = 5_000;

/**
 * Begins a walk in each environment that has erasures and none.
 * @param minAgeMs of the erasures
 * @returns false when there are no erasures at all
 */
export async function beginWalks(tx: Transaction, minAgeMs: number): Promise<boolean> {
  const { rows } = await tx.query<{ any: boolean }>('SELECT EXISTS (SELECT FROM erasures) AS any');
  if (!rows[0]?.any) return false;
  await tx.query(
    `INSERT INTO erasure_walks (environment_id, through_id)
     SELECT e.id, w.through_id FROM environments e CROSS JOIN LATERAL (
       SELECT max(id) AS through_id FROM (
         SELECT id FROM erasures
         WHERE environment_id = e.id AND requested_at < clock_timestamp() - $1 * interval '1 millisecond'
         ORDER BY id LIMIT ${ERASURES_PER_WALK}) waiting OFFSET 0) w
     WHERE w.through_id IS NOT NULL
     ON CONFLICT (environment_id) DO NOTHING`,
    [minAgeMs],
  );
  return true;
}

/** The walk that has waited longest; undefined when there is none. */
export async function findWalk(tx: Transaction): Promise<ErasureWalk | undefined> {
  const { rows } = await tx.query<ErasureWalk>(
    `SELECT environment_id AS "environmentId", through_id::float8 AS "throughId",
            job_ordinal::float8 AS "jobOrdinal", job_id AS "jobId", row
     FROM erasure_walks ORDER BY advanced_at LIMIT 1`,
  );
  return rows[0];
}

/** The job of the walk, or the first one behind it. Undefined when the walk is at its end. */
export async function findWalkedJob(
  tx: Transaction,
  walk: ErasureWalk,
  isPast: boolean,
): Promise<ScrubbedJob | undefined> {
  const { rows } = await tx.query<ScrubbedJob>(
    `SELECT ${COLUMNS} FROM jobs
     WHERE environment_id = $1 AND (ordinal, id) ${isPast ? '>' : '>='} ($2, $3::uuid) AND ordinal < $4
     ORDER BY jobs.ordinal, id LIMIT 1`,
    [walk.environmentId, walk.jobOrdinal, walk.jobId, walk.throughId],
  );
  return rows[0];
}

export async function saveWalk(tx: Transaction, walk: ErasureWalk): Promise<void> {
  await tx.query(
    `UPDATE erasure_walks SET job_ordinal = $2, job_id = $3, row = $4, advanced_at = clock_timestamp()
     WHERE environment_id = $1`,
    [walk.environmentId, walk.jobOrdinal, walk.jobId, walk.row],
  );
}

/** Removes the walk and the erasures that it has served. */
export async function endWalk(tx: Transaction, { environmentId, throughId }: ErasureWalk): Promise<void> {
  await tx.query('DELETE FROM erasures WHERE environment_id = $1 AND id <= $2', [environmentId, throughId]);
  await tx.query('DELETE FROM erasure_walks WHERE environment_id = $1', [environmentId]);
}
