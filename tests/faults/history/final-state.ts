/** Collects what the checker compares a history with, when all clients have stopped and everything is up again. */
import type { Cluster } from '../../support/cluster';
import type { WireJob, WireResult } from '../../support/muster';
import { waitFor } from '../../support/wait';
import type { Environment } from './clients';
import type { FinalJob, FinalState } from './history';

const SETTLE_MS = 120_000;

/** Records the commits of each user in their order, which for one user is that of the row's lock. */
const COMMITS = `
CREATE TABLE history_commits (n bigserial, environment_id int, user_id text, w bigint);
CREATE FUNCTION note_commit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$ BEGIN
  IF TG_OP = 'DELETE' THEN
    INSERT INTO history_commits (environment_id, user_id) VALUES (OLD.environment_id, OLD.user_id);
  -- A trigger of Muster's own that forgets a row digest writes nothing of the user.
  ELSIF TG_OP = 'INSERT' OR NEW.row_digest IS NOT NULL OR OLD.metadata <> NEW.metadata OR OLD.updated_at <> NEW.updated_at THEN
    INSERT INTO history_commits (environment_id, user_id, w)
    VALUES (NEW.environment_id, NEW.user_id, (NEW.metadata->>'w')::bigint);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER history AFTER INSERT OR UPDATE OR DELETE ON users FOR EACH ROW EXECUTE FUNCTION note_commit();`;

/** Has the database note commits from now on. */
export async function noteCommits(cluster: Cluster): Promise<void> {
  await cluster.query(COMMITS);
}

/**
 * Waits until every job has ended.
 * @param prefix of the names of users and files that the history is about
 */
export async function collectState(
  cluster: Cluster,
  environments: readonly Environment[],
  prefix: string,
): Promise<FinalState> {
  const jobs: FinalJob[] = [];
  for (const environment of environments) {
    const ended = await waitFor(
      'the end of all jobs',
      () => listEnded(cluster, environment, prefix),
      SETTLE_MS,
    );
    for (const job of ended) jobs.push(await readJob(cluster, environment, job));
  }
  const users = await cluster.query(
    `SELECT slug AS environment, user_id AS id, metadata - 'email' AS values
     FROM users JOIN environments e ON e.id = environment_id WHERE starts_with(user_id, $1 || '-')`,
    [prefix],
  );
  const commits = await cluster.query(
    `SELECT slug AS environment, user_id AS id, w::float AS w
     FROM history_commits JOIN environments e ON e.id = environment_id WHERE starts_with(user_id, $1 || '-') ORDER BY n`,
    [prefix],
  );
  return { jobs, users: users as never, commits: commits as never };
}

/** The environment's jobs of this history; undefined as long as one has not ended. */
async function listEnded(
  cluster: Cluster,
  { key }: Environment,
  prefix: string,
): Promise<WireJob[] | undefined> {
  const jobs: WireJob[] = [];
  let next: string | undefined = '/v1/background_jobs?limit=100';
  while (next !== undefined) {
    const { status, headers, body } = await cluster.request('GET', `${cluster.api().url}${next}`, { key });
    if (status !== 200) return undefined;
    jobs.push(...(body as unknown as WireJob[]));
    const link: string | undefined = /<([^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1];
    next = link === undefined ? undefined : link.replace(/^https?:\/\/[^/]+/, '');
  }
  const mine = jobs.filter(({ filename }) => String(filename).startsWith(`${prefix}-`));
  return mine.every(({ end_time }) => end_time !== null) ? mine : undefined;
}

async function readJob(cluster: Cluster, { key, slug }: Environment, job: WireJob): Promise<FinalJob> {
  const url = `${cluster.api().url}/v1/background_jobs/${job.job_id}/results`;
  const answer = await fetch(url, { headers: { Authorization: `Token ${key}` } });
  const results = (await answer.text())
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as WireResult);
  return {
    environment: slug,
    jobId: job.job_id,
    parentJobId: (job.parent_job_id as string | null) ?? null,
    file: String(job.filename),
    status: job.status,
    errorCode: (job.error as { code: string } | null)?.code ?? null,
    startedAt: Date.parse(String(job.start_time)),
    endedAt: job.end_time === null ? null : Date.parse(String(job.end_time)),
    totalRows: job.total_rows,
    completedRows: job.completed_rows,
    counts: {
      created: job.created_rows,
      updated: job.updated_rows,
      unchanged: job.unchanged_rows,
      failed: job.failed_rows,
    },
    results: results.map(({ line, id, outcome, erased = false }) => ({
      line: line ?? 0,
      id,
      outcome,
      erased,
    })),
  };
}
