/** Which installation a database belongs to. */
import type { Queryable } from './client';

/** Its UUID, which never changes. */
export async function readInstallationId(db: Queryable): Promise<string> {
  const { rows } = await db.query<{ id: string }>('SELECT id FROM installation');
  const id = rows[0]?.id;
  if (id === undefined) throw new Error('the table installation is empty');
  return id;
}
