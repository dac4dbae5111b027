/** A job that holds the slot of an environment and that no worker touches. */
import type { Muster } from '../../support/muster';

/** @returns the id of the job, and what removes it */
export async function occupySlot(muster: Muster): Promise<{ jobId: string; free(): Promise<void> }> {
  const { rows } = await muster.store.pool.query<{ id: string }>(
    `INSERT INTO jobs (id, environment_id, entity, file_size, total_rows, due_at)
     VALUES (gen_random_uuid(), $1, 'user', 1, 1, now() + interval '1 hour') RETURNING id`,
    [muster.environmentId],
  );
  const jobId = rows[0]?.id ?? '';
  return {
    jobId,
    async free() {
      await muster.store.pool.query('DELETE FROM jobs WHERE id = $1', [jobId]);
    },
  };
}
