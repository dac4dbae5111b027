/**
 * How many single calls each key has made in its current minute, over all API processes. A minute begins with the first
 * call after the one before it has ended; the database's clock says when.
 */
import type { Queryable } from './client';

/** Calls of one key that are to be added. */
export interface NewCalls {
  keyId: number;
  calls: number;
}

export interface CountedCalls {
  keyId: number;
  /** In the minute so far, with those that were just added. */
  calls: number;
  /** Until the minute ends. */
  msLeft: number;
}

/**
 * Adds calls of many keys at once, each named once. Keys that no longer exist are left out of the answer.
 * The order of the keys keeps two processes from waiting for each other.
 */
export async function countCalls(db: Queryable, added: readonly NewCalls[]): Promise<CountedCalls[]> {
  const { rows } = await db.query<CountedCalls>({
    name: 'count-calls',
    text: `INSERT INTO call_counts AS c (key_id, window_ends_at, calls)
           SELECT k.id, clock.now + interval '1 minute', a.calls
           FROM (SELECT clock_timestamp() AS now) AS clock, unnest($1::int[], $2::int[]) AS a(key_id, calls)
             JOIN api_keys k ON k.id = a.key_id
           ORDER BY k.id
           ON CONFLICT (key_id) DO UPDATE SET
             calls = excluded.calls + CASE WHEN ${IS_CURRENT} THEN c.calls ELSE 0 END,
             window_ends_at = CASE WHEN ${IS_CURRENT} THEN c.window_ends_at ELSE excluded.window_ends_at END
           RETURNING key_id AS "keyId", calls::float8 AS calls,
             greatest(0, extract(epoch FROM window_ends_at - clock_timestamp()) * 1000)::float8 AS "msLeft"`,
    values: [added.map(({ keyId }) => keyId), added.map(({ calls }) => calls)],
  });
  return rows;
}

/** Neither over, nor further ahead than a minute, as after a clock was set back. */
const IS_CURRENT = `c.window_ends_at > excluded.window_ends_at - interval '1 minute'
               AND c.window_ends_at <= excluded.window_ends_at`;
