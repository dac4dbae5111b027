/** What waits and what is kept, over all environments, for the metrics. */
import type { Queryable } from './client';

export interface Backlog {
  /** Jobs that have not ended. */
  open: number;
  /** Jobs that wait for their turn or for a worker. */
  waiting: number;
  /** Age of the oldest of those, in seconds; 0 when there is none. */
  oldestWaitingSeconds: number;
  /** Bytes of the files and bodies of all jobs that are kept. */
  storedBytes: number;
}

/** Reads it from the index of the jobs that have not ended, and from the counters of what is kept. */
export async function readBacklog(db: Queryable): Promise<Backlog> {
  const { rows } = await db.query<Backlog>(
    `SELECT count(*)::int AS open, count(*) FILTER (WHERE status = 'queued')::int AS waiting,
       coalesce(extract(epoch FROM clock_timestamp() - min(submitted_at) FILTER (WHERE status = 'queued')), 0)::float8
         AS "oldestWaitingSeconds",
       (SELECT coalesce(sum(bytes), 0)::float8 FROM stored_imports) AS "storedBytes"
     FROM jobs WHERE ended_at IS NULL`,
  );
  return rows[0] as Backlog;
}
