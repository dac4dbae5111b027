/** Jepsen's four sets over what a run of faults has left: lost, duplicated, unexpected, stale. */
import { fold, type Import } from './imports';
import type { WireJob } from './muster';

export interface Verdict {
  /** Accepted rows without effect or without a result. */
  lost: number;
  /** Rows that were written or counted twice. */
  duplicated: number;
  /** Users that no accepted row has. */
  unexpected: number;
  /** An older value that won over a newer one, at the end or for a moment. */
  stale: number;
}

type Query = (sql: string, values?: unknown[]) => Promise<Record<string, unknown>[]>;

/** Records each write of a user as it is committed, in the order in which they happened. */
export const AUDIT = `
CREATE TABLE audit_writes (n bigserial, environment_id int, user_id text, value bigint);
CREATE FUNCTION audit_write() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO audit_writes (environment_id, user_id, value)
  VALUES (NEW.environment_id, NEW.user_id, (NEW.metadata->>'row')::bigint);
  RETURN NULL;
END $$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION audit_write();
CREATE FUNCTION announce_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM pg_notify('commits', json_build_object('environment', NEW.environment_id, 'rows',
    NEW.created_rows + NEW.updated_rows + NEW.unchanged_rows
    - OLD.created_rows - OLD.updated_rows - OLD.unchanged_rows)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER announce AFTER UPDATE ON jobs FOR EACH ROW
  WHEN (NEW.created_rows + NEW.updated_rows + NEW.unchanged_rows
        > OLD.created_rows + OLD.updated_rows + OLD.unchanged_rows)
  EXECUTE FUNCTION announce_commit();`;

/**
 * Compares what is stored for an environment with what it must be.
 * @param accepted imports in the order of their jobs, with the jobs as the API shows them at the end
 */
export async function judge(
  query: Query,
  slug: string,
  accepted: readonly (Import & { job: WireJob })[],
): Promise<Verdict> {
  const verdict: Verdict = { lost: 0, duplicated: 0, unexpected: 0, stale: 0 };
  const expected = fold(accepted);
  const environment = '(SELECT id FROM environments WHERE slug = $1)';

  const stored = await query(
    `SELECT user_id, metadata->>'row' AS value FROM users WHERE environment_id = ${environment}`,
    [slug],
  );
  const users = new Map(stored.map(({ user_id, value }) => [String(user_id), Number(value)]));
  for (const [id, value] of expected.users) {
    const found = users.get(id);
    if (found === undefined) verdict.lost++;
    else if (found < value) verdict.stale++;
    else if (found > value) verdict.unexpected++;
  }
  for (const id of users.keys()) if (!expected.users.has(id)) verdict.unexpected++;

  for (const [index, { job, rows }] of accepted.entries()) {
    const results = await query('SELECT count(*)::int AS rows FROM row_results WHERE job_id = $1', [
      job.job_id,
    ]);
    verdict.lost += rows.length - Number(results[0]?.rows);
    for (const [name, count] of Object.entries(expected.counts[index] ?? {})) {
      const excess = Number(job[name]) - count;
      if (excess > 0) verdict.duplicated += excess;
      else verdict.lost -= excess;
    }
  }

  const writes = await query(
    `SELECT count(*) FILTER (WHERE nth > 1)::int AS again, count(*) FILTER (WHERE value < before)::int AS back
     FROM (SELECT value, row_number() OVER (PARTITION BY user_id, value) AS nth,
                  lag(value) OVER (PARTITION BY user_id ORDER BY n) AS before
           FROM audit_writes WHERE environment_id = ${environment}) w`,
    [slug],
  );
  verdict.duplicated += Number(writes[0]?.again);
  verdict.stale += Number(writes[0]?.back);
  return verdict;
}
