/** Looks at what a case has left in the database, from outside and in the product's own tables. Never writes. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ENTITIES, type Entity } from '#job/entity';
import type { Queryable } from '#store/client';
import { type Profiles, type RowOutcome, readStoredMetadata } from './predict';

const POLL_MS = 10;

export interface Traces {
  jobs: number;
  /** Jobs without a final state. */
  running: number;
  uploads: number;
  /** Staged rows that belong to no job. */
  orphans: number;
}

export interface SeenJob {
  id: string;
  status: string;
  isFinal: boolean;
  total: number;
  created: number;
  updated: number;
  unchanged: number;
  failed: number;
  staged: number;
  filename: string;
  errorCode: string | null;
  /** Row number, id and outcome of each result, in order. */
  results: { row: number; outcome: RowOutcome }[];
}

/** The environment of a key. */
export async function findEnvironment(db: Queryable, key: string): Promise<number> {
  const hash = createHash('sha256').update(key).digest();
  const { rows } = await db.query<{ id: number }>(
    'SELECT environment_id AS id FROM api_keys WHERE hash = $1',
    [hash],
  );
  return rows[0]?.id ?? 0;
}

export async function readTraces(db: Queryable, environmentId: number): Promise<Traces> {
  const { rows } = await db.query<Traces>({
    name: 'fuzz-traces',
    text: `SELECT (SELECT count(*)::int FROM jobs WHERE environment_id = $1) AS jobs,
                  (SELECT count(*)::int FROM jobs WHERE environment_id = $1 AND ended_at IS NULL) AS running,
                  (SELECT count(*)::int FROM uploads WHERE environment_id = $1) AS uploads,
                  (SELECT count(*)::int FROM staged_rows s WHERE s.environment_id = $1
                     AND NOT EXISTS (SELECT FROM jobs j WHERE j.id = s.job_id)) AS orphans`,
    values: [environmentId],
  });
  return rows[0] as Traces;
}

/** Waits until the traces are as wanted. Returns the last ones seen, whether they are or not. */
export async function waitForTraces(
  db: Queryable,
  environmentId: number,
  wanted: (traces: Traces) => boolean,
  withinMs: number,
): Promise<Traces> {
  let traces = await readTraces(db, environmentId);
  if (wanted(traces)) return traces;
  await waitForTrue(async () => {
    traces = await readTraces(db, environmentId);
    return wanted(traces);
  }, withinMs);
  return traces;
}

/** Asks again and again until the answer is true or the time is over. Returns the last answer. */
export async function waitForTrue(ask: () => Promise<boolean> | boolean, withinMs: number): Promise<boolean> {
  const end = performance.now() + withinMs;
  for (;;) {
    if (await ask()) return true;
    if (performance.now() >= end) return false;
    await sleep(POLL_MS);
  }
}

/** The environment's jobs, oldest first. */
export async function readJobs(db: Queryable, environmentId: number): Promise<SeenJob[]> {
  const { rows } = await db.query<SeenJob>({
    name: 'fuzz-jobs',
    text: `SELECT j.id, status, ended_at IS NOT NULL AS "isFinal", total_rows AS total, created_rows AS created, updated_rows AS updated, filename,
                  unchanged_rows AS unchanged, failed_rows AS failed, error_code AS "errorCode",
                  (SELECT count(*)::int FROM staged_rows s WHERE s.environment_id = $1 AND s.job_id = j.id) AS staged,
                  (SELECT coalesce(json_agg(json_build_object('row', r.row, 'outcome', r.outcome) ORDER BY r.row), '[]')
                   FROM row_results r WHERE r.environment_id = $1 AND r.job_id = j.id) AS results
           FROM jobs j WHERE environment_id = $1 ORDER BY submitted_at, id`,
    values: [environmentId],
  });
  return rows;
}

/** All stored users or companies of the environment. */
export async function readProfiles(db: Queryable, environmentId: number, entity: Entity): Promise<Profiles> {
  const { collection, idKey, belongsToCompany } = ENTITIES[entity];
  const { rows } = await db.query<{ id: string; companyId: string | null; metadata: string }>(
    `SELECT ${idKey} AS id, ${belongsToCompany ? 'company_id' : 'NULL'} AS "companyId", metadata::text AS metadata
     FROM ${collection} WHERE environment_id = $1`,
    [environmentId],
  );
  return new Map(
    rows.map(({ id, companyId, metadata }) => [id, { companyId, metadata: readStoredMetadata(metadata) }]),
  );
}

/** Environments with a job that has no final state. */
export function findUnfinished(db: Queryable): Promise<string[]> {
  return findEnvironments(
    db,
    'EXISTS (SELECT FROM jobs j WHERE j.environment_id = e.id AND j.ended_at IS NULL)',
  );
}

/** Environments with an entry in uploads, or with staged rows that belong to no job. */
export function findRemains(db: Queryable): Promise<string[]> {
  return findEnvironments(
    db,
    `EXISTS (SELECT FROM uploads u WHERE u.environment_id = e.id)
     OR EXISTS (SELECT FROM staged_rows s WHERE s.environment_id = e.id
                AND NOT EXISTS (SELECT FROM jobs j WHERE j.id = s.job_id))`,
  );
}

/** Environments with a job whose counters are not those of its results, or that has not one result for each row. */
export function findMiscounted(db: Queryable): Promise<string[]> {
  const count = (outcome: RowOutcome) => `count(*) FILTER (WHERE outcome = '${outcome}')`;
  return findEnvironments(
    db,
    `EXISTS (SELECT FROM jobs j CROSS JOIN LATERAL (
       SELECT count(DISTINCT row) AS rows, count(*) AS results, max(row) AS last, ${count('created')} AS created,
              ${count('updated')} AS updated, ${count('unchanged')} AS unchanged, ${count('failed')} AS failed
       FROM row_results WHERE environment_id = j.environment_id AND job_id = j.id) r
     WHERE j.environment_id = e.id AND
       (r.rows, r.results, r.last, r.created, r.updated, r.unchanged, r.failed) IS DISTINCT FROM
       (j.total_rows, j.total_rows, j.total_rows, j.created_rows, j.updated_rows, j.unchanged_rows, j.failed_rows))`,
  );
}

/** Slugs of those for which a condition holds. */
async function findEnvironments(db: Queryable, condition: string): Promise<string[]> {
  const { rows } = await db.query<{ slug: string }>(
    `SELECT slug FROM environments e WHERE ${condition} ORDER BY id`,
  );
  return rows.map(({ slug }) => slug);
}
