/** What a dry run would have stored, kept until it ends so that its later rows build upon its earlier ones. */
import type { Queryable } from './client';

/** Each may be a megabyte. */
const SWEPT_PROFILES = 200;

/** Removes what a dry run has noted, but of much only some: the rest is swept. */
export async function deleteDryRunProfiles(
  db: Queryable,
  { environmentId, id }: { environmentId: number; id: string },
): Promise<void> {
  await db.query(
    `DELETE FROM dry_run_profiles WHERE environment_id = $1 AND job_id = $2 AND id IN (
       SELECT id FROM dry_run_profiles WHERE environment_id = $1 AND job_id = $2 LIMIT ${SWEPT_PROFILES})`,
    [environmentId, id],
  );
}

/** Removes some of what dry runs that have ended have noted. Returns how many notes that were; 0 when none is left. */
export async function sweepDryRunProfiles(db: Queryable): Promise<number> {
  const { rowCount } = await db.query(
    `DELETE FROM dry_run_profiles WHERE (environment_id, job_id, id) IN (
       SELECT d.environment_id, d.job_id, d.id FROM dry_run_profiles d JOIN jobs j ON j.id = d.job_id
       WHERE j.ended_at IS NOT NULL LIMIT ${SWEPT_PROFILES})`,
  );
  return rowCount ?? 0;
}
