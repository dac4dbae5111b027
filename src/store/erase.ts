/**
 * Erasing users and companies: the stored ones, and every trace of them in rows and results of jobs. A staged row that is
 * erased becomes empty (no row ever comes so); its place among the rows stays.
 */
import { ENTITIES, type Entity } from '#job/entity';
import type { Queryable, Transaction } from './client';

/** First number of the lock; the second is the environment. Spells MSTE. */
export const ERASURE_LOCK = 0x4d535445;

/** Waits for the environment's slices in work, and keeps others from beginning until the transaction ends. */
export async function lockForErasure(tx: Transaction, environmentId: number): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock($1, $2)', [ERASURE_LOCK, environmentId]);
}

/** Removes what is stored under these ids, and what rows that have a result say about them. Returns how many were stored. */
export async function eraseStored(
  tx: Transaction,
  environmentId: number,
  entity: Entity,
  ids: readonly string[],
): Promise<number> {
  const { collection, idKey } = ENTITIES[entity];
  const { rowCount } = await tx.query(
    `DELETE FROM ${collection} WHERE environment_id = $1 AND ${idKey} = ANY ($2)`,
    [environmentId, ids],
  );
  await tx.query(
    `DELETE FROM dry_run_profiles d USING jobs j
     WHERE d.environment_id = $1 AND d.id = ANY ($3) AND j.id = d.job_id AND j.entity = $2`,
    [environmentId, entity, ids],
  );
  await tx.query(
    `WITH erased AS (
       UPDATE row_results r SET id = NULL, errors = NULL, erased = true
       FROM jobs j
       WHERE j.id = r.job_id AND j.environment_id = $1 AND j.entity = $2
         AND r.environment_id = $1 AND r.id = ANY ($3)
       RETURNING r.job_id, r.row)
     UPDATE staged_rows s SET raw = '' FROM erased e
     WHERE s.environment_id = $1 AND s.job_id = e.job_id AND s.row = e.row`,
    [environmentId, entity, ids],
  );
  return rowCount ?? 0;
}

/** A job that has rows without a result: it is not finished, or it ended before them. */
export interface OpenJob {
  id: string;
  entity: Entity;
  csvHeader: Buffer | null;
}

export async function findOpenJobs(db: Queryable, environmentId: number, entity: Entity): Promise<OpenJob[]> {
  const { rows } = await db.query<OpenJob>(
    `SELECT id, entity, csv_header AS "csvHeader" FROM jobs
     WHERE environment_id = $1 AND entity = $2
       AND created_rows + updated_rows + unchanged_rows + failed_rows < total_rows`,
    [environmentId, entity],
  );
  return rows;
}

/** Empties staged rows. */
export async function emptyStagedRows(
  tx: Transaction,
  environmentId: number,
  jobId: string,
  rows: readonly number[],
): Promise<void> {
  await tx.query(
    "UPDATE staged_rows SET raw = '' WHERE environment_id = $1 AND job_id = $2 AND row = ANY ($3)",
    [environmentId, jobId, rows],
  );
}
