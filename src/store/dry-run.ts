/** What a dry run would have stored, kept until it ends so that its later rows build upon its earlier ones. */
import type { Queryable } from './client';

/** Removes what a dry run has noted. */
export async function deleteDryRunProfiles(
  db: Queryable,
  job: { id: string; environmentId: number },
): Promise<void> {
  await db.query('DELETE FROM dry_run_profiles WHERE environment_id = $1 AND job_id = $2', [
    job.environmentId,
    job.id,
  ]);
}
