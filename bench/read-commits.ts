/** When the rows of a job were really committed; takes a server with track_commit_timestamp. */
import type { Queryable } from '#store/client';
import type { Commit } from './windows';

/** Each transaction that wrote rows of the job, with the time of its commit. */
export async function readCommits(database: Queryable, jobId: string): Promise<Commit[]> {
  const { rows } = await database.query<Commit>(
    `SELECT (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000)::float8 AS "atMs", count(*)::int AS rows
     FROM row_results WHERE job_id = $1 GROUP BY xmin ORDER BY 1`,
    [jobId],
  );
  return rows;
}
