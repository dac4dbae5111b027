/** Rows that belong to nobody any more. */
import type { Queryable } from '#store/client';

/** Each table that has an `environment_id`, with its number of rows whose environment does not exist. */
export async function countOrphans(db: Queryable): Promise<Record<string, number>> {
  const { rows: tables } = await db.query<{ name: string }>(
    `SELECT DISTINCT table_name::text AS name FROM information_schema.columns
     WHERE table_schema = 'public' AND column_name = 'environment_id'`,
  );
  const counts: Record<string, number> = {};
  for (const { name } of tables) {
    const { rows } = await db.query<{ orphans: number }>(
      `SELECT count(*)::int AS orphans FROM "${name}" t
       WHERE NOT EXISTS (SELECT FROM environments e WHERE e.id = t.environment_id)`,
    );
    counts[name] = rows[0]?.orphans ?? 0;
  }
  return counts;
}
