/** How many bytes the imports of an environment take that are kept. Triggers on `jobs` count them. */
import type { Queryable } from './client';

/** Bytes of the files and bodies of all jobs that are kept, dry runs too. */
export async function readStoredBytes(db: Queryable, environmentId: number): Promise<number> {
  const { rows } = await db.query<{ bytes: string }>({
    name: 'read-stored-bytes',
    text: 'SELECT bytes FROM stored_imports WHERE environment_id = $1',
    values: [environmentId],
  });
  return Number(rows[0]?.bytes ?? 0);
}
