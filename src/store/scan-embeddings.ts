/** Reading the vectors of a domain in bulk, all of them or those that have changed, for who keeps them in memory. */
import type { Queryable, Session, Store } from './client';

export interface CandidateVector {
  userId: string;
  /** null: the user is no candidate of this model any more. */
  vector: Buffer | null;
}

const FETCH_ROWS = 4_096;

/**
 * Calls back with every vector that was written since the last time, in parts.
 * @param since what the call before has returned; undefined reads all
 * @returns the mark for the next call: a transaction that was not finished yet is read then, so nothing is missed
 */
export async function readChangedVectors(
  store: Store,
  { environmentId, domain, model }: { environmentId: number; domain: string; model: string },
  since: string | undefined,
  take: (vectors: readonly CandidateVector[]) => Promise<void>,
): Promise<string> {
  return store.session(async (session: Session) => {
    const { rows } = await session.query<{ mark: string; changed: boolean }>({
      name: 'mark-embeddings',
      text: `SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS mark, $3::text IS NULL OR EXISTS (
               SELECT FROM domain_embeddings
               WHERE environment_id = $1 AND domain = $2 AND changed_xid >= $3::xid8) AS changed`,
      values: [environmentId, domain, since ?? null],
    });
    const mark = rows[0]?.mark ?? '0';
    if (!rows[0]?.changed) return mark;
    await session.query('BEGIN READ ONLY');
    try {
      await session.query(
        `DECLARE vectors NO SCROLL CURSOR FOR
         SELECT user_id AS "userId", CASE WHEN is_candidate AND model = $3 THEN vector END AS vector
         FROM domain_embeddings WHERE environment_id = $1 AND domain = $2 AND changed_xid >= $4::xid8`,
        [environmentId, domain, model, since ?? '0'],
      );
      for (;;) {
        const part = await session.query<CandidateVector>(`FETCH ${FETCH_ROWS} FROM vectors`);
        await take(part.rows);
        if (part.rows.length < FETCH_ROWS) break;
      }
      await session.query('COMMIT');
    } catch (error) {
      await session.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
    return mark;
  });
}

/** Those of the users that still are candidates of the domain. */
export async function findCandidates(
  db: Queryable,
  environmentId: number,
  domain: string,
  userIds: readonly string[],
): Promise<Set<string>> {
  const { rows } = await db.query<{ userId: string }>({
    name: 'find-candidates',
    text: `SELECT user_id AS "userId" FROM domain_embeddings
           WHERE environment_id = $1 AND domain = $2 AND user_id = ANY ($3) AND is_candidate`,
    values: [environmentId, domain, userIds],
  });
  return new Set(rows.map(({ userId }) => userId));
}
