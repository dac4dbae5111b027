/**
 * How accepted rows get into the upsert statement, and how many at a time: one JSON array and jsonb_to_recordset, as
 * the product does it, arrays and unnest, or COPY into a temporary table.
 *
 * "ours" is the product's own function. The others share one hand-written statement that does less: it merges, finds
 * unchanged rows, writes with the same check of xmin and records outcomes, but knows no modes, no nulls and no id that
 * comes twice in a batch. So the forms of input compare among each other, and "ours" against jsonb_to_recordset says
 * what the rest costs.
 */
import { finished } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import type { Store } from '#store/client';
import { SIZES } from '../make-rows';
import { withDatabase } from './database';
import { compareWays, readRepetitions, readSizes, type Way } from './measure';
import { ENVIRONMENT, measureImports, readSent, type Upsert, upsertInBatches, upsertUsers } from './upsert';

const BATCHES = [100, 500, 1_000, 2_500, 5_000];

/** $1 environment, $2 job, from $3 on the input. */
const statement = (input: string) => `
WITH input AS MATERIALIZED (${input}),
merged AS MATERIALIZED (
  SELECT i.row, i.id, u.xmin AS version, u.user_id IS NOT NULL AS existed,
         ROW(u.company_id, u.metadata) AS before,
         CASE WHEN i.sets_company THEN i.company_id ELSE u.company_id END AS company_id,
         coalesce(u.metadata || i.patch, i.patch) AS metadata
  FROM input i LEFT JOIN users u ON u.environment_id = $1 AND u.user_id = i.id
),
decided AS MATERIALIZED (
  SELECT *, CASE WHEN NOT existed THEN 'created'
                 WHEN before *= ROW(company_id, metadata)::record THEN 'unchanged' ELSE 'updated' END AS outcome
  FROM merged
),
inserted AS (
  INSERT INTO users (environment_id, user_id, company_id, metadata, last_job_id)
  SELECT $1, id, company_id, metadata, $2 FROM decided WHERE outcome = 'created' ORDER BY id
  ON CONFLICT DO NOTHING RETURNING 1
),
updated AS (
  UPDATE users u SET company_id = d.company_id, metadata = d.metadata, updated_at = now(), last_job_id = $2
  FROM decided d
  WHERE d.outcome = 'updated' AND u.environment_id = $1 AND u.user_id = d.id AND u.xmin = d.version
  RETURNING 1
),
results AS (
  INSERT INTO row_results (environment_id, job_id, row, id, outcome)
  SELECT $1, $2, row, id, outcome::outcome FROM decided ORDER BY row
)
SELECT (SELECT count(*) FROM inserted) + (SELECT count(*) FROM updated) AS written`;

const recordset: Upsert = (tx, jobId, rows) => {
  const items = rows.map(
    ({ row, id, companyId, metadata }) =>
      `{"row":${row},"id":${JSON.stringify(id)},"sets_company":true,` +
      `"company_id":${JSON.stringify(companyId)},"patch":${metadata}}`,
  );
  const input = `SELECT * FROM jsonb_to_recordset($3::jsonb)
    AS r(row int, id text, sets_company boolean, company_id text, patch jsonb)`;
  return tx.query({
    name: 'recordset',
    text: statement(input),
    values: [ENVIRONMENT, jobId, `[${items.join(',')}]`],
  });
};

const unnest: Upsert = (tx, jobId, rows) => {
  const input = `SELECT * FROM unnest($3::int[], $4::text[], $5::boolean[], $6::text[], $7::jsonb[])
    AS r(row, id, sets_company, company_id, patch)`;
  const values = [
    ENVIRONMENT,
    jobId,
    rows.map(({ row }) => row),
    rows.map(({ id }) => id),
    rows.map(() => true),
    rows.map(({ companyId }) => companyId),
    rows.map(({ metadata }) => metadata),
  ];
  return tx.query({ name: 'unnest', text: statement(input), values });
};

/** COPY in its text form; neither ids nor JSON have tabs or line breaks. */
const temporaryTable: Upsert = async (tx, jobId, rows) => {
  const lines = rows.map(({ row, id, companyId, metadata }) => {
    const company = companyId === null ? '\\N' : escaped(companyId);
    return `${row}\t${escaped(id)}\tt\t${company}\t${escaped(metadata)}\n`;
  });
  const copy = tx.query(copyFrom('COPY upsert_input FROM STDIN'));
  copy.end(lines.join(''));
  await finished(copy);
  await tx.query({
    name: 'temporary',
    text: statement('SELECT * FROM upsert_input'),
    values: [ENVIRONMENT, jobId],
  });
};

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\');
}

const FORMS: [name: string, upsert: Upsert][] = [
  ['ours', upsertUsers],
  ['jsonb_to_recordset', recordset],
  ['unnest', unnest],
  ['COPY, temporary table', temporaryTable],
];

async function main(store: Store): Promise<void> {
  const repetitions = readRepetitions();
  // One session for all, because a temporary table and prepared statements belong to it.
  const tx = await store.pool.connect();
  await tx.query(`CREATE TEMPORARY TABLE upsert_input
    (row int, id text, sets_company boolean, company_id text, patch jsonb) ON COMMIT DELETE ROWS`);
  for (const size of readSizes()) {
    const versions = [await readSent(size, 0), await readSent(size, 1)];
    const ways = BATCHES.flatMap((batch) =>
      FORMS.map(([name, upsert]): Way => {
        return {
          name: `${name}, ${batch} rows`,
          run: () => measureImports(tx, upsertInBatches(batch, upsert), versions),
        };
      }),
    );
    await compareWays(`upsert, ${SIZES[size]}`, ways, repetitions);
  }
  tx.release();
}

void withDatabase(main);
