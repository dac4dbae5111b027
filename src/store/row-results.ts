/** What became of each row: written once, in the transaction that wrote or refused it. */
import type { RowError } from '#job/outcome';
import type { Queryable, Transaction } from './client';

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

/** Records rows whose user or company was erased before they were applied: nothing is written for them. */
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
}

/** Errors of the failed rows of a job, by row. */
export async function readRefusedRows(
  db: Queryable,
  environmentId: number,
  jobId: string,
): Promise<RefusedRow[]> {
  const { rows } = await db.query<RefusedRow>(
    `SELECT row, id, errors FROM row_results
     WHERE environment_id = $1 AND job_id = $2 AND outcome = 'failed' ORDER BY row`,
    [environmentId, jobId],
  );
  return rows;
}
