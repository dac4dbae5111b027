/** What became of an import, read from the database alone: its pace by the times of the commits, and each user. */
import { isDeepStrictEqual } from 'node:util';
import type { Queryable } from '#store/client';
import { readCommits } from '../read-commits';
import { type Commit, mostInWindow } from '../windows';
import { type ClusterEnvironment, readSentUsers } from './make-environments';

const MINUTE_MS = 60_000;

export interface CheckedImport {
  slug: string;
  rows: number;
  /** From its acceptance to its end. */
  seconds: number;
  endedAtMs: number;
  /** From the first to the last row written; undefined when all were written at once. */
  rowsPerMinute: number | undefined;
  mostInAMinute: number;
  status: string;
  /** A sentence for each thing that is wrong. */
  faults: string[];
}

interface StoredJob {
  status: string;
  created: number;
  failed: number;
  seconds: number;
  endedAtMs: number;
}

/**
 * Checks the import of one environment. The database must keep commit times (track_commit_timestamp).
 * @param usersPerMinute the throttle; 0 = none
 */
export async function checkImport(
  database: Queryable,
  environment: ClusterEnvironment,
  jobId: string,
  usersPerMinute: number,
): Promise<CheckedImport> {
  const job = await readJob(database, jobId);
  const commits = await readCommits(database, jobId);
  const rows = commits.reduce((sum, commit) => sum + commit.rows, 0);
  const mostInAMinute = commits.length === 0 ? 0 : mostInWindow(commits, MINUTE_MS);
  const wrong: [boolean, string][] = [
    [job.status !== 'completed', `the job is ${job.status}`],
    [job.created !== environment.rows, `${job.created} of ${environment.rows} users were created`],
    [job.failed !== 0, `${job.failed} rows failed`],
    [rows !== environment.rows, `${rows} of ${environment.rows} rows have a result`],
    [
      usersPerMinute > 0 && mostInAMinute > usersPerMinute,
      `${mostInAMinute} rows were written within 60 s, the limit is ${usersPerMinute}`,
    ],
  ];
  return {
    slug: environment.slug,
    rows,
    seconds: job.seconds,
    endedAtMs: job.endedAtMs,
    rowsPerMinute: rateOf(commits),
    mostInAMinute,
    status: job.status,
    faults: [
      ...wrong.filter(([is]) => is).map(([, sentence]) => sentence),
      ...(await compareUsers(database, environment)),
    ],
  };
}

/** How many users there are in all environments together. */
export async function countUsers(database: Queryable): Promise<number> {
  const { rows } = await database.query<{ count: number }>('SELECT count(*)::int AS count FROM users');
  return rows[0]?.count ?? 0;
}

async function readJob(database: Queryable, jobId: string): Promise<StoredJob> {
  const { rows } = await database.query<StoredJob>(
    `SELECT status, created_rows AS created, failed_rows AS failed,
            extract(epoch FROM ended_at - submitted_at)::float8 AS seconds,
            (extract(epoch FROM ended_at) * 1000)::float8 AS "endedAtMs"
     FROM jobs WHERE id = $1`,
    [jobId],
  );
  return rows[0] ?? { status: 'missing', created: 0, failed: 0, seconds: Number.NaN, endedAtMs: Number.NaN };
}

/**
 * Rows a minute between the first commit and the last. The rows of the last commit do not count: a commit takes up the
 * time that follows it, and the last one is followed by nothing. So a limit of N a minute, kept exactly, gives N.
 */
function rateOf(commits: readonly Commit[]): number | undefined {
  const [first, last] = [commits[0], commits.at(-1)];
  if (first === undefined || last === undefined || last.atMs === first.atMs) return undefined;
  const rows = commits.reduce((sum, commit) => sum + commit.rows, 0) - last.rows;
  return rows / ((last.atMs - first.atMs) / MINUTE_MS);
}

/** A sentence for users that are missing, too many or not as they were sent. */
async function compareUsers(database: Queryable, environment: ClusterEnvironment): Promise<string[]> {
  const { rows } = await database.query<{ userId: string; companyId: string | null; metadata: string }>(
    `SELECT u.user_id AS "userId", u.company_id AS "companyId", u.metadata::text AS metadata
     FROM users u JOIN environments e ON e.id = u.environment_id WHERE e.slug = $1`,
    [environment.slug],
  );
  const stored = new Map(rows.map((user) => [user.userId, user]));
  const sent = readSentUsers(environment);
  let [missing, different] = [0, 0];
  for (const user of sent) {
    const found = stored.get(user.user_id);
    if (found === undefined) missing++;
    else if (
      found.companyId !== user.company_id ||
      !isDeepStrictEqual(JSON.parse(found.metadata), user.metadata)
    ) {
      different++;
    }
  }
  const unknown = stored.size - (sent.length - missing);
  const wrong: [number, string][] = [
    [missing, 'users are missing'],
    [different, 'users have other values than were sent'],
    [unknown, 'users were never sent'],
  ];
  return wrong.filter(([count]) => count > 0).map(([count, words]) => `${count} ${words}`);
}
