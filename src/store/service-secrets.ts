/** Random secrets of the installation: each is made when it is first needed, and is the same for all processes. */
import { randomBytes } from 'node:crypto';
import type { Queryable } from './client';

const SECRET_BYTES = 32;

/** What an installation keeps a secret for. */
export type SecretName = 'cursors';

/** The 256-bit secret of this name; made when there is none yet. */
export async function readServiceSecret(db: Queryable, name: SecretName): Promise<Buffer> {
  const read = () => db.query<{ value: Buffer }>('SELECT value FROM service_secrets WHERE name = $1', [name]);
  const known = (await read()).rows[0];
  if (known !== undefined) return known.value;
  // Of several processes that make one at once, the first wins.
  await db.query('INSERT INTO service_secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING', [
    name,
    randomBytes(SECRET_BYTES),
  ]);
  const made = (await read()).rows[0];
  if (made === undefined) throw new Error('a service secret vanished while it was made');
  return made.value;
}
