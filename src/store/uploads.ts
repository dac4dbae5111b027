/** Uploads whose rows are being staged before their job exists, so that what a crash leaves can be found and swept. */
import type { Queryable } from './client';
import { deleteStagedRows } from './staged-rows';

export async function beginUpload(db: Queryable, environmentId: number, jobId: string): Promise<void> {
  await db.query('INSERT INTO uploads (job_id, environment_id) VALUES ($1, $2)', [jobId, environmentId]);
}

/**
 * The upload becomes a job.
 * @throws Error when it was swept in the meantime; its rows are gone then
 */
export async function endUpload(db: Queryable, jobId: string): Promise<void> {
  const { rowCount } = await db.query('DELETE FROM uploads WHERE job_id = $1', [jobId]);
  if (rowCount !== 1) throw new Error('the upload was swept while it was being received');
}

/** Removes an upload and its rows. */
export async function discardUpload(db: Queryable, environmentId: number, jobId: string): Promise<void> {
  await db.query('DELETE FROM uploads WHERE job_id = $1', [jobId]);
  await deleteStagedRows(db, environmentId, jobId);
}

/** Removes uploads that began longer ago than any request may last. Returns how many. */
export async function sweepUploads(db: Queryable, olderThanMs: number): Promise<number> {
  const { rows } = await db.query<{ jobId: string; environmentId: number }>(
    `SELECT job_id AS "jobId", environment_id AS "environmentId" FROM uploads
     WHERE started_at < clock_timestamp() - $1 * interval '1 millisecond' LIMIT 100`,
    [olderThanMs],
  );
  for (const { environmentId, jobId } of rows) await discardUpload(db, environmentId, jobId);
  return rows.length;
}
