/** What became of each row: written once, in the transaction that wrote or refused it. */
import type { ResultOutcome, RowError } from '#job/outcome';
import type { Queryable, Transaction } from './client';
import { emptyStagedRows, type RowRange } from './staged-rows';

export interface RefusedRow {
  row: number;
  /** The row's id when it has a valid one. */
  id: string | null;
  errors: RowError[];
}

/** Records rows that failed. */
export async function insertRefusedRows(
  tx: Transaction,
  job: { id: string; environmentId: number },
  refused: readonly RefusedRow[],
): Promise<void> {
  if (refused.length === 0) return;
  await tx.query(
    `INSERT INTO row_results (environment_id, job_id, row, id, outcome, errors)
     SELECT $1, $2, r.row, r.id, 'failed', r.errors
     FROM jsonb_to_recordset($3::jsonb) AS r(row int, id text, errors jsonb)`,
    [job.environmentId, job.id, JSON.stringify(refused)],
  );
}

/** Records rows that are not applied, because another one of their id counts. */
export async function insertUnappliedRows(
  tx: Transaction,
  job: { id: string; environmentId: number },
  rows: readonly { row: number; id: string }[],
): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(
    `INSERT INTO row_results (environment_id, job_id, row, id, outcome)
     SELECT $1, $2, r.row, r.id, 'unchanged' FROM unnest($3::int[], $4::text[]) AS r(row, id)`,
    [job.environmentId, job.id, rows.map(({ row }) => row), rows.map(({ id }) => id)],
  );
}

/** Notes which rows others stand for. A row that is noted again is so for the last one. */
export async function insertRepeats(
  tx: Transaction,
  job: { id: string; environmentId: number },
  repeats: readonly { row: number; byRow: number }[],
): Promise<void> {
  if (repeats.length === 0) return;
  await tx.query(
    `INSERT INTO row_repeats (environment_id, job_id, row, by_row)
     SELECT $1, $2, row, by_row FROM unnest($3::int[], $4::int[]) AS r(row, by_row) ON CONFLICT DO NOTHING`,
    [job.environmentId, job.id, repeats.map(({ row }) => row), repeats.map(({ byRow }) => byRow)],
  );
}

/** Records rows whose user or company was erased before they were applied, and empties them: nothing is written for them. */
export async function insertErasedRows(
  tx: Transaction,
  job: { id: string; environmentId: number },
  rows: readonly number[],
): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(
    `INSERT INTO row_results (environment_id, job_id, row, outcome, erased)
     SELECT $1, $2, unnest($3::int[]), 'unchanged', true`,
    [job.environmentId, job.id, rows],
  );
  await emptyStagedRows(tx, job.environmentId, job.id, rows);
}

/** A row of a job with what became of it so far. */
export interface RowResult {
  row: number;
  /** 1-based line of the file; null for JSON bodies. */
  line: number | null;
  /** Null when the row has no valid one, and for rows without an outcome: those say it in `raw` only. */
  id: string | null;
  outcome: ResultOutcome;
  errors: RowError[];
  erased: boolean;
  /** Another row of the same id counts instead, or on top of it. */
  superseded: boolean;
  /**
   * The row as it came, when it was asked for, or has no outcome yet. Empty or null when it was erased. Of a row that is
   * longer than a row may be its beginning; row-tails.ts has the rest.
   */
  raw: Buffer | null;
}

/** Which rows, and how many of them. */
export interface ResultRange extends RowRange {
  /** Only rows with one of these; undefined = all. */
  outcomes: readonly ResultOutcome[] | undefined;
  /** Whether `raw` is wanted of all rows. */
  withRaw: boolean;
  /** Whether `raw` is wanted of rows whose id could not be read. */
  withUnreadable: boolean;
}

/**
 * Rows of a job in their order, 1:1 with what was sent. The result of each row is looked up by its key: of a table that it
 * knows nothing of yet, PostgreSQL would compare every row with every result.
 */
export async function readResults(db: Queryable, range: ResultRange): Promise<RowResult[]> {
  const withRaw = range.withRaw ? 'true' : range.withUnreadable ? 'r.id IS NULL' : 'r.row IS NULL';
  const { rows } = await db.query<RowResult>({
    name: `read-results-${withRaw}`,
    text: `SELECT row, line, id, outcome, errors, erased, superseded, raw FROM (
             SELECT s.row, s.line, r.id, coalesce(r.outcome::text, 'unprocessed') AS outcome,
                    coalesce(r.errors, '[]') AS errors, coalesce(r.erased, octet_length(s.raw) = 0) AS erased,
                    coalesce(p.superseded, false) AS superseded,
                    CASE WHEN ${withRaw} THEN s.raw END AS raw,
                    sum(octet_length(s.raw)) OVER (ORDER BY s.row ROWS UNBOUNDED PRECEDING)
                      - octet_length(s.raw) AS bytes_before
             FROM staged_rows s LEFT JOIN LATERAL (
               SELECT * FROM row_results
               WHERE environment_id = $1 AND job_id = $2 AND row = s.row OFFSET 0) r ON true
             LEFT JOIN LATERAL (
               SELECT EXISTS (
                 SELECT FROM row_results o
                 WHERE o.environment_id = $1 AND o.job_id = $2 AND o.row = p.by_row AND o.outcome <> 'failed' OFFSET 0
               ) AS superseded
               FROM row_repeats p
               WHERE p.environment_id = $1 AND p.job_id = $2 AND p.row = s.row OFFSET 0) p ON true
             WHERE s.environment_id = $1 AND s.job_id = $2 AND s.row > $3
               AND ($6::text[] IS NULL OR coalesce(r.outcome::text, 'unprocessed') = ANY ($6))
             ORDER BY s.row LIMIT $4) page
           WHERE bytes_before < $5
           ORDER BY row`,
    values: [range.environmentId, range.jobId, range.after, range.rows, range.bytes, range.outcomes ?? null],
  });
  return rows;
}
