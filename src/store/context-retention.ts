/** Deletes raw texts about users that are old enough, in batches. What was extracted from them stays. */
import type { Store } from './client';

/** A text has up to 100,000 characters. */
const BATCH_ROWS = 500;

/**
 * Deletes one batch. Workers may do it at the same time: each takes other texts.
 * @param days since a text came
 * @returns whether there may be more to delete
 */
export async function deleteOldContexts(store: Store, days: number): Promise<boolean> {
  return store.transaction(async (tx) => {
    const { rows } = await tx.query<{ deleted: number }>(
      `WITH old AS (
         SELECT environment_id, user_id, domain, id FROM domain_contexts
         WHERE received_at < clock_timestamp() - $1 * interval '1 day'
         ORDER BY received_at LIMIT ${BATCH_ROWS} FOR UPDATE SKIP LOCKED
       ),
       gone AS (
         DELETE FROM domain_contexts c USING old o
         WHERE c.environment_id = o.environment_id AND c.user_id = o.user_id AND c.domain = o.domain AND c.id = o.id
         RETURNING c.environment_id, c.user_id, c.domain, char_length(c.text) AS characters
       ),
       sums AS (
         SELECT environment_id, user_id, domain, sum(characters) AS characters FROM gone GROUP BY 1, 2, 3
       ),
       counted AS (
         UPDATE domain_users u SET context_characters = greatest(0, u.context_characters - s.characters)
         FROM sums s WHERE u.environment_id = s.environment_id AND u.user_id = s.user_id AND u.domain = s.domain
       )
       SELECT count(*)::int AS deleted FROM gone`,
      [days],
    );
    return rows[0]?.deleted === BATCH_ROWS;
  });
}
