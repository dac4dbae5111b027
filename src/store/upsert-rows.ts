/**
 * The set-based upsert: one statement for some hundred rows that inserts, merges, leaves unchanged rows alone and
 * records the outcome of each.
 *
 * Rows of one id are folded in order (`turn` 1, 2, ...), each upon what the one before has left, so that the end state
 * and every outcome are those of applying the rows one after another. Nothing is locked beforehand: stored rows are read
 * at the statement's snapshot and written only if they are still the version that was read (xmin); otherwise the whole
 * transaction is tried again (LostRaceError). So an unchanged row costs no write and no lock.
 */
import { ENTITIES, type Entity } from '#job/entity';
import type { OutcomeCounts } from '#job/outcome';
import type { AcceptedRow } from '#job/row';
import type { Transaction } from './client';
import { LostRaceError } from './faults';

interface UpsertAnswer extends OutcomeCounts {
  /** Users that had to be written, and that were. */
  wanted: number;
  written: number;
}

const STATEMENTS: Record<Entity, string> = {
  user: upsertStatement('user'),
  company: upsertStatement('company'),
};

/**
 * Applies accepted rows in their order (RFC 7396: keys not sent stay, null removes).
 * @param rows in row order; ids may come more than once
 * @returns how many rows had which outcome
 * @throws LostRaceError when a stored row changed in between; errors of PostgreSQL when it refuses a value
 */
export async function upsertRows(
  tx: Transaction,
  job: { id: string; environmentId: number; entity: Entity },
  rows: readonly AcceptedRow[],
): Promise<OutcomeCounts> {
  const { rows: answers } = await tx.query<UpsertAnswer>({
    name: `upsert-${job.entity}`,
    text: STATEMENTS[job.entity],
    values: [job.environmentId, job.id, writeInput(rows)],
  });
  const { wanted, written, ...counts } = answers[0] as UpsertAnswer;
  if (written !== wanted) throw new LostRaceError();
  return counts;
}

/** The rows as one JSON array. The metadata goes in as text, because a second pass of JSON.stringify would round numbers. */
function writeInput(rows: readonly AcceptedRow[]): string {
  const turns = new Map<string, number>();
  const items = rows.map(({ row, id, companyId, metadata }) => {
    const turn = (turns.get(id) ?? 0) + 1;
    turns.set(id, turn);
    const company =
      companyId === undefined ? '' : `,"sets_company":true,"company_id":${JSON.stringify(companyId)}`;
    return `{"row":${row},"turn":${turn},"id":${JSON.stringify(id)}${company},"patch":${metadata}}`;
  });
  return `[${items.join(',')}]`;
}

/** $1 environment, $2 job, $3 rows. Names of tables and columns come from ENTITIES only. */
function upsertStatement(entity: Entity): string {
  const { collection, idKey, belongsToCompany } = ENTITIES[entity];
  const storedCompany = belongsToCompany ? 't.company_id' : 'NULL::text';
  const companyColumn = belongsToCompany ? ', company_id' : '';
  const setCompany = belongsToCompany ? 'company_id = f.company_id,' : '';
  return `
WITH RECURSIVE input AS MATERIALIZED (
  SELECT row, turn, id, coalesce(sets_company, false) AS sets_company, company_id, patch
  FROM jsonb_to_recordset($3::jsonb)
    AS r(row int, turn int, id text, sets_company boolean, company_id text, patch jsonb)
),
fold AS (
  SELECT i.row, i.turn, i.id, t.${idKey} IS NOT NULL AS existed, t.xmin AS version, a.company_id, a.metadata,
         ${outcome(`t.${idKey}`, 's')} AS outcome
  FROM input i LEFT JOIN ${collection} t ON t.environment_id = $1 AND t.${idKey} = i.id
    CROSS JOIN LATERAL (SELECT ${storedCompany} AS company_id, t.metadata) s
    CROSS JOIN LATERAL (${after('s')}) a
  WHERE i.turn = 1
  UNION ALL
  SELECT i.row, i.turn, i.id, f.existed, f.version, a.company_id, a.metadata, ${outcome('f.id', 'f')}
  FROM fold f JOIN input i ON i.id = f.id AND i.turn = f.turn + 1
    CROSS JOIN LATERAL (${after('f')}) a
),
final AS MATERIALIZED (
  SELECT DISTINCT ON (id) id, existed, version, company_id, metadata,
         bool_or(outcome <> 'unchanged') OVER (PARTITION BY id) AS changed
  FROM fold ORDER BY id, turn DESC
),
inserted AS (
  INSERT INTO ${collection} (environment_id, ${idKey}${companyColumn}, metadata, last_job_id)
  SELECT $1, id${companyColumn}, metadata, $2 FROM final WHERE NOT existed ORDER BY id
  ON CONFLICT DO NOTHING RETURNING 1
),
updated AS (
  UPDATE ${collection} t SET ${setCompany} metadata = f.metadata, updated_at = now(), last_job_id = $2
  FROM final f
  WHERE f.existed AND f.changed AND t.environment_id = $1 AND t.${idKey} = f.id AND t.xmin = f.version
  RETURNING 1
),
results AS (
  INSERT INTO row_results (environment_id, job_id, row, id, outcome)
  SELECT $1, $2, row, id, outcome::outcome FROM fold ORDER BY row
)
SELECT count(*) FILTER (WHERE outcome = 'created')::int AS created,
       count(*) FILTER (WHERE outcome = 'updated')::int AS updated,
       count(*) FILTER (WHERE outcome = 'unchanged')::int AS unchanged,
       0 AS failed,
       (SELECT count(*) FROM final WHERE NOT existed OR changed)::int AS wanted,
       ((SELECT count(*) FROM inserted) + (SELECT count(*) FROM updated))::int AS written
FROM fold`;
}

/** The state after row i upon the state `before`, which may be absent. */
function after(before: string): string {
  return `SELECT CASE WHEN i.sets_company THEN i.company_id ELSE ${before}.company_id END AS company_id,
                 jsonb_strip_nulls(coalesce(${before}.metadata || i.patch, i.patch)) AS metadata`;
}

/**
 * *= compares the stored images, so that 1.0 and 1.00, which jsonb holds to be equal, count as a change: values are
 * stored with every digit.
 */
function outcome(id: string, before: string): string {
  return `CASE WHEN ${id} IS NULL THEN 'created'
               WHEN ROW(${before}.company_id, ${before}.metadata)::record *= ROW(a.company_id, a.metadata)::record
                 THEN 'unchanged'
               ELSE 'updated' END`;
}
