/**
 * How much of the workers' time each environment had, by which they choose whom to serve next. `served_ms` of an environment
 * is a virtual time, which goes on by what serving it costs. Of the jobs that are due the one comes first whose environment
 * would be served the least at the end of it: so what costs little never waits for what costs much, and over time all who
 * want more than there is have the same.
 *
 * The clock is the latest such time at which work began, and goes on by the part of what was worked since that each of
 * those who wait could have had: so nobody waits for ever, however many come who had nothing yet. Whoever is further behind it than one delivery, such as an
 * environment that had nothing to do for a while, begins that far behind it, so that nobody saves up time.
 *
 * It decides about order only. What is wrong here, lost in a crash or a moment old costs fairness for a moment, nothing else.
 */
import type { Queryable } from './client';

/**
 * How far an environment may be behind the clock: what a delivery costs at most as a rule. One that has never had anything
 * begins at the clock: of those there may always be more, and everybody else would wait for them.
 */
const BEHIND_MS = 500;
/** What a delivery is taken to cost of which nothing is known. */
const FRESH_COST_MS = 500;
/** What cost no more than this the last time, as a throttled slice does, is worked on without a look at the others. */
const SMALL_COST_MS = 50;
/** The mark of a worker that has died is worth nothing after this. Much longer than a delivery is worked on. */
const WORKING_MS = 10_000;

/** Work on a job of an environment. */
export interface Work {
  jobId: string;
  environmentId: number;
}

/** A job that is due, where its environment begins, and where it is at the end of the delivery. */
export interface DueWork extends Work {
  revision: number;
  startMs: number;
  finishMs: number;
}

export interface Admission extends DueWork {
  /** It costs little and hardly anybody can come before it: work on the job has begun. Otherwise others may come first. */
  begun: boolean;
}

/**
 * Begins work on a job unless others may come first. One statement, because nearly every delivery of a throttled import is
 * admitted by it.
 * @returns undefined when the job has ended or is at another revision: then there is nothing to do
 */
export async function admitWork(
  db: Queryable,
  jobId: string,
  revision: number,
): Promise<Admission | undefined> {
  const { rows } = await db.query<Admission>({
    name: 'admit-work',
    text: `WITH mine AS MATERIALIZED (
             SELECT j.id, j.environment_id, w.cost_ms, start_ms, start_ms + coalesce(w.cost_ms, ${FRESH_COST_MS}) AS finish_ms, clock_ms
             FROM ${CLOCK}, jobs j LEFT JOIN worker_shares s ON s.environment_id = j.environment_id
               LEFT JOIN job_work w ON w.job_id = j.id, ${START}
             WHERE j.id = $1 AND j.revision = $2 AND j.ended_at IS NULL),
           first AS (SELECT * FROM mine WHERE finish_ms <= clock_ms AND cost_ms <= ${SMALL_COST_MS}),
           share AS (
             INSERT INTO worker_shares AS s (environment_id, served_ms) SELECT environment_id, start_ms FROM first
             ON CONFLICT (environment_id) DO UPDATE SET served_ms = excluded.served_ms
             WHERE s.served_ms < excluded.served_ms),
           begun AS (
             INSERT INTO job_work (job_id, cost_ms, working_until) SELECT id, ${FRESH_COST_MS}, ${UNTIL} FROM first
             ON CONFLICT (job_id) DO UPDATE SET working_until = excluded.working_until RETURNING job_id)
           SELECT id AS "jobId", $2::int AS revision, environment_id AS "environmentId", start_ms AS "startMs",
             finish_ms AS "finishMs", EXISTS (SELECT FROM begun) AS begun
           FROM mine`,
    values: [jobId, revision],
  });
  return rows[0];
}

/**
 * The job that is due, that nobody works on, and that comes first, if it comes before finishMs. Those whose last try has
 * failed are left to their own delivery, which waits a little longer each time.
 */
export async function findEarlierWork(db: Queryable, finishMs: number): Promise<DueWork | undefined> {
  const { rows } = await db.query<DueWork>({
    name: 'find-earlier-work',
    text: `SELECT j.id AS "jobId", j.revision, j.environment_id AS "environmentId", start_ms AS "startMs",
             start_ms + coalesce(w.cost_ms, ${FRESH_COST_MS}) AS "finishMs"
           FROM ${CLOCK}, jobs j LEFT JOIN worker_shares s ON s.environment_id = j.environment_id
             LEFT JOIN job_work w ON w.job_id = j.id, ${START}
           WHERE ${IS_DUE} AND j.attempts = 0
             AND start_ms + coalesce(w.cost_ms, ${FRESH_COST_MS}) < $1
             AND (w.working_until IS NULL OR w.working_until < clock_timestamp())
           ORDER BY "finishMs", j.due_at, j.id LIMIT 1`,
    values: [finishMs],
  });
  return rows[0];
}

/** Begins work on a job, and the clock with it. Returns false when another worker is at it. */
export async function beginWork(
  db: Queryable,
  { jobId, environmentId, startMs }: Work & { startMs: number },
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'begin-work',
    text: `WITH clock AS (
             INSERT INTO worker_clock AS c (served_ms) VALUES ($3)
             ON CONFLICT (id) DO UPDATE SET served_ms = excluded.served_ms WHERE c.served_ms < excluded.served_ms),
           share AS (
             INSERT INTO worker_shares AS s (environment_id, served_ms) VALUES ($2, $3)
             ON CONFLICT (environment_id) DO UPDATE SET served_ms = excluded.served_ms
             WHERE s.served_ms < excluded.served_ms)
           INSERT INTO job_work AS w (job_id, cost_ms, working_until) VALUES ($1, ${FRESH_COST_MS}, ${UNTIL})
           ON CONFLICT (job_id) DO UPDATE SET working_until = excluded.working_until
           WHERE w.working_until < clock_timestamp()`,
    values: [jobId, environmentId, startMs],
  });
  return rowCount === 1;
}

/**
 * Ends work and notes what it has cost.
 * @param countedMs how much of it counts for the environment's share
 */
export async function endWork(
  db: Queryable,
  { jobId, environmentId }: Work,
  costMs: number,
  countedMs = costMs,
): Promise<void> {
  await db.query({
    name: 'end-work',
    text: `WITH share AS (UPDATE worker_shares SET served_ms = served_ms + $4 WHERE environment_id = $2),
             clock AS (UPDATE worker_clock SET served_ms = served_ms + $4 / greatest(1, (
               SELECT count(*) FROM jobs WHERE ${IS_DUE})))
           UPDATE job_work SET cost_ms = $3, working_until = '-infinity' WHERE job_id = $1`,
    values: [jobId, environmentId, costMs, countedMs],
  });
}

/** Takes the beginning of work back that did not come to be. */
export async function abandonWork(db: Queryable, { jobId }: Work): Promise<void> {
  await db.query("UPDATE job_work SET working_until = '-infinity' WHERE job_id = $1", [jobId]);
}

/** Forgets the work on jobs that have ended. */
export async function deleteWorkOfEnded(db: Queryable): Promise<void> {
  await db.query(
    'DELETE FROM job_work w WHERE NOT EXISTS (SELECT FROM jobs j WHERE j.id = w.job_id AND j.ended_at IS NULL)',
  );
}

const IS_DUE =
  'ended_at IS NULL AND (holds_slot OR dry_run_slot IS NOT NULL) AND due_at <= clock_timestamp()';
const CLOCK = '(SELECT coalesce(max(served_ms), 0) AS clock_ms FROM worker_clock) clock';
const START = `LATERAL (SELECT greatest(coalesce(s.served_ms, clock_ms), clock_ms - ${BEHIND_MS}) AS start_ms) start`;
const UNTIL = `clock_timestamp() + ${WORKING_MS} * interval '1 millisecond'`;
