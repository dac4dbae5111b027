/** The warnings of jobs, one row each. The job itself shows the first of them (src/job/observations.ts says how many). */
import type { JobWarning, StoredWarning } from '#job/observations';
import { wordWarning } from '#job/observations';
import type { Queryable, Transaction } from './client';

interface WarnedJob {
  id: string;
  environmentId: number;
}

/** Where a page ends: the last warning of it. */
export type WarningKey = [code: string, path: string, type: string];

/** Warnings of the job in the order of their codes and paths. @param after only those behind this one */
export async function listWarnings(
  db: Queryable,
  job: WarnedJob,
  { after, limit }: { after?: WarningKey | undefined; limit: number },
): Promise<{ warning: JobWarning; key: WarningKey }[]> {
  const [code, path, type] = after ?? [null, null, null];
  const { rows } = await db.query<StoredWarning & { shown: string }>(
    // As it may be shown: a key that is nobody else's goes with who was erased.
    `SELECT code, path, type, known_types AS "knownTypes", rows,
       shown_warnings(jsonb_build_array(jsonb_build_object('path', path)), environment_id,
         (SELECT ordinal FROM jobs WHERE id = job_id)) -> 0 ->> 'path' AS shown
     FROM job_warnings
     WHERE environment_id = $1 AND job_id = $2 AND ($3::text IS NULL OR (code, path, type) > ($3, $4, $5))
     ORDER BY code, path, type LIMIT $6`,
    [job.environmentId, job.id, code, path, type, limit],
  );
  return rows.map(({ shown, ...row }) => ({
    warning: wordWarning({ ...row, path: shown }),
    key: [row.code, row.path, row.type],
  }));
}

/** Notes what was found in the file of a job, or in the ids of its rows. @param rows of the job */
export async function insertWarnings(
  tx: Transaction,
  job: WarnedJob,
  warnings: readonly Pick<StoredWarning, 'code' | 'path' | 'type' | 'rows'>[],
): Promise<void> {
  if (warnings.length === 0) return;
  await tx.query(
    `INSERT INTO job_warnings (environment_id, job_id, code, path, type, known_types, rows)
     SELECT $1, $2, code, path, type, '{}', rows
     FROM jsonb_to_recordset($3::jsonb) AS w(code text, path text, type text, rows int) ON CONFLICT DO NOTHING`,
    [job.environmentId, job.id, JSON.stringify(warnings)],
  );
}

/** How many warnings the job has, and of how many rows they are, a row with several counted for each. */
export async function countWarnings(
  db: Queryable,
  job: WarnedJob,
): Promise<{ warnings: number; rows: number }> {
  const { rows } = await db.query<{ warnings: number; rows: number }>(
    `SELECT count(*)::int AS warnings, coalesce(sum(rows), 0)::float8 AS rows
     FROM job_warnings WHERE environment_id = $1 AND job_id = $2`,
    [job.environmentId, job.id],
  );
  return rows[0] ?? { warnings: 0, rows: 0 };
}
