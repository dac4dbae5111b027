/**
 * What validation saw in the rows of a job, and what the catalogue makes of it. A slice adds what it saw itself and never
 * reads the rest: a hostile file has tens of thousands of keys.
 */
import { type IgnoredKeys, MAX_OBSERVED_KEYS, type ObservedTypes } from '#job/observations';
import type { Transaction } from './client';

interface ObservedJob {
  id: string;
  environmentId: number;
}

/** Distinct keys that are new, and occurrences of keys that there was no room for. */
export interface Recorded {
  added: number;
  overflow: number;
}

/**
 * Adds rows by key and type to those of the job.
 * @param known distinct keys so far; beyond MAX_OBSERVED_KEYS no new ones are taken
 */
export async function recordProperties(
  tx: Transaction,
  job: ObservedJob,
  seen: ObservedTypes,
  known: number,
): Promise<Recorded> {
  if (seen.size === 0) return { added: 0, overflow: 0 };
  const items = [...seen].map(([key, counts]) => ({
    key,
    strings: counts.String ?? 0,
    numbers: counts.Numeric ?? 0,
    dates: counts.Date ?? 0,
    booleans: counts.Boolean ?? 0,
  }));
  return record(
    tx,
    `INSERT INTO observed_properties AS o (environment_id, job_id, key, strings, numbers, dates, booleans)
     SELECT $1, $2, key, strings, numbers, dates, booleans FROM taken ORDER BY key
     ON CONFLICT (environment_id, job_id, key) DO UPDATE SET strings = o.strings + excluded.strings,
       numbers = o.numbers + excluded.numbers, dates = o.dates + excluded.dates, booleans = o.booleans + excluded.booleans`,
    {
      columns: 'key text COLLATE "C", strings int, numbers int, dates int, booleans int',
      isKnown: `SELECT true AS is_known FROM observed_properties o
                WHERE o.environment_id = $1 AND o.job_id = $2 AND o.key = s.key OFFSET 0`,
      rows: 'strings + numbers + dates + booleans',
    },
    [job.environmentId, job.id, JSON.stringify(items), MAX_OBSERVED_KEYS - known],
  );
}

/** The same of keys that were ignored: they become warnings at once. */
export async function recordIgnoredKeys(
  tx: Transaction,
  job: ObservedJob,
  seen: IgnoredKeys,
  known: number,
  code: 'unknown_key_ignored' | 'nested_value_ignored' = 'unknown_key_ignored',
): Promise<Recorded> {
  if (seen.size === 0) return { added: 0, overflow: 0 };
  return record(
    tx,
    `INSERT INTO job_warnings AS w (environment_id, job_id, code, path, rows)
     SELECT $1, $2, '${code}', key, rows FROM taken ORDER BY key
     ON CONFLICT (environment_id, job_id, code, path, type) DO UPDATE SET rows = w.rows + excluded.rows`,
    {
      columns: 'key text COLLATE "C", rows int',
      isKnown: `SELECT true AS is_known FROM job_warnings w
                WHERE w.environment_id = $1 AND w.job_id = $2 AND w.code = '${code}' AND w.path = s.key
                  AND w.type = '' OFFSET 0`,
      rows: 'rows',
    },
    [
      job.environmentId,
      job.id,
      JSON.stringify([...seen].map(([key, rows]) => ({ key, rows }))),
      MAX_OBSERVED_KEYS - known,
    ],
  );
}

/** Notes that the values of so many properties were stored and their keys not catalogued. */
export async function recordOverflow(tx: Transaction, job: ObservedJob, rows: number): Promise<void> {
  if (rows === 0) return;
  await tx.query(
    `INSERT INTO job_warnings AS w (environment_id, job_id, code, path, rows)
     VALUES ($1, $2, 'properties_not_catalogued', 'metadata', $3)
     ON CONFLICT (environment_id, job_id, code, path, type) DO UPDATE SET rows = w.rows + excluded.rows`,
    [job.environmentId, job.id, rows],
  );
}

/** $3 what was seen, $4 how many new keys there is room for. */
async function record(
  tx: Transaction,
  insert: string,
  { columns, isKnown, rows }: { columns: string; isKnown: string; rows: string },
  values: unknown[],
): Promise<Recorded> {
  const { rows: answers } = await tx.query<Recorded>(
    `WITH seen AS MATERIALIZED (
       SELECT s.*, coalesce(k.is_known, false) AS is_known
       FROM jsonb_to_recordset($3::jsonb) AS s(${columns}) LEFT JOIN LATERAL (${isKnown}) k ON true),
     numbered AS MATERIALIZED (
       SELECT *, row_number() OVER (PARTITION BY is_known ORDER BY key) AS nth FROM seen),
     taken AS MATERIALIZED (SELECT * FROM numbered WHERE is_known OR nth <= $4),
     recorded AS (${insert})
     SELECT count(*) FILTER (WHERE NOT is_known AND nth <= $4)::int AS added,
            coalesce(sum(${rows}) FILTER (WHERE NOT is_known AND nth > $4), 0)::int AS overflow
     FROM numbered`,
    values,
  );
  return answers[0] ?? { added: 0, overflow: 0 };
}

/**
 * Hands the next properties of the job, in the order of their keys, over to the catalogue (a dry run: to nobody), and notes
 * a warning for each type that was not known.
 * @returns how many there were; fewer than `most` = there are no more
 */
export async function catalogueObserved(
  tx: Transaction,
  job: ObservedJob & { entity: string; dryRun: boolean },
  most: number,
): Promise<number> {
  const { rows } = await tx.query<{ taken: number }>({
    name: `catalogue-observed-${job.dryRun}`,
    text: `WITH taken AS MATERIALIZED (
       DELETE FROM observed_properties WHERE environment_id = $1 AND job_id = $2 AND key IN (
         SELECT key FROM observed_properties WHERE environment_id = $1 AND job_id = $2 ORDER BY key LIMIT $4)
       RETURNING key, strings, numbers, dates, booleans),
     seen AS MATERIALIZED (
       SELECT t.*, p.types AS known,
              array_remove(ARRAY[CASE WHEN booleans > 0 THEN 'Boolean' END, CASE WHEN dates > 0 THEN 'Date' END,
                CASE WHEN numbers > 0 THEN 'Numeric' END, CASE WHEN strings > 0 THEN 'String' END], NULL) AS types
       FROM taken t LEFT JOIN LATERAL (
         SELECT types FROM properties p
         WHERE p.environment_id = $1 AND p.entity = $3::entity AND p.key = t.key OFFSET 0) p ON true),
     warned AS (
       INSERT INTO job_warnings (environment_id, job_id, code, path, type, known_types, rows)
       SELECT $1, $2, 'type_changed', 'metadata.' || key, type, known, rows
       FROM seen CROSS JOIN LATERAL (VALUES ('Boolean', booleans), ('Date', dates), ('Numeric', numbers), ('String', strings))
         AS v(type, rows)
       WHERE rows > 0 AND known IS NOT NULL AND NOT type = ANY (known)
       ON CONFLICT DO NOTHING)
     ${job.dryRun ? '' : CATALOGUE}
     SELECT count(*)::int AS taken FROM taken`,
    values: [job.environmentId, job.id, job.entity, most],
  });
  return rows[0]?.taken ?? 0;
}

/** Adds what was seen to the catalogue. */
const CATALOGUE = `, catalogued AS (
       INSERT INTO properties AS p (environment_id, entity, key, types, first_job_id)
       SELECT $1, $3::entity, key, types, $2 FROM seen ORDER BY key
       ON CONFLICT (environment_id, entity, key) DO UPDATE SET
         types = ARRAY(SELECT unnest(p.types) UNION SELECT unnest(excluded.types) ORDER BY 1), last_seen_at = now())`;

/** Removes what the catalogue did not take over, because the job ended before. */
export async function deleteObservations(tx: Transaction, job: ObservedJob): Promise<void> {
  await tx.query('DELETE FROM observed_properties WHERE environment_id = $1 AND job_id = $2', [
    job.environmentId,
    job.id,
  ]);
}
