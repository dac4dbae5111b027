/**
 * Tells rows that are already stored without looking into them. A user keeps the digest of the row that was applied to it
 * last; what that row does, it does not do a second time (RFC 7396: a merge patch applied twice is the patch applied once),
 * so a row with the same digest leaves the user unchanged. An export that is sent again and again, as nightly syncs do, is
 * mostly such rows. Why this is safe: docs/decisions/0011-row-digest.md.
 */
import { hash } from 'node:crypto';
import { ENTITIES } from '#job/entity';
import type { UpsertJob } from '#job/options';
import type { AcceptedRow } from '#job/row';
import type { Transaction } from './client';
import { storedSize } from './upsert-statement';

/** To be raised whenever the same row comes to mean something else. */
const VERSION = 1;
/** 128 bits: no two rows that anyone sends have the same. */
const HEX_DIGITS = 32;

/** Fewer rows than this are cheaper to look up than to think about. */
const SAMPLE_ROWS = 50;

/** Digest, in hex, of all that decides what a row does to the user of its id. */
export function digestRow(
  { companyId, json, isWhole }: Pick<AcceptedRow, 'companyId' | 'json' | 'isWhole'>,
  { metadataMode }: Pick<UpsertJob, 'metadataMode'>,
): string {
  const company = companyId === undefined ? 'keep' : JSON.stringify(companyId);
  const text = `${VERSION} ${metadataMode} ${isWhole ? 'whole' : 'patch'} ${company} ${json}`;
  return hash('sha256', text, 'hex').slice(0, HEX_DIGITS);
}

/** What became of rows that may be what was applied last. */
export interface Settled {
  /** Rows that are done with or among `others`, from the first one on. */
  rows: number;
  /** Those of them that are left to be looked into. */
  others: readonly AcceptedRow[];
  /** How many of the others, the last ones, were not looked up. */
  untried: number;
}

/**
 * Records as unchanged the rows that are what was applied last. When hardly any of the first ones is the same, none of
 * those behind them is tried.
 * @param rows of different ids, with the digest of each
 * @param workBytes stops behind the others that come to more than this with what is stored under their ids
 */
export async function settleSameRows(
  tx: Transaction,
  job: UpsertJob,
  rows: readonly AcceptedRow[],
  workBytes = Number.MAX_SAFE_INTEGER,
): Promise<Settled> {
  // A dry run has notes of its own instead of users, and what may only be created fails when it is there.
  if (job.dryRun || job.existingMode === 'create_only')
    return { rows: rows.length, others: rows, untried: rows.length };
  const sample = rows.slice(0, SAMPLE_ROWS);
  const first = await recordSameRows(tx, job, sample, workBytes);
  const rest = rows.slice(SAMPLE_ROWS);
  if (rest.length === 0 || first.rows < sample.length) return { ...first, untried: 0 };
  if (first.others.length > sample.length / 2)
    return { rows: rows.length, others: [...first.others, ...rest], untried: rest.length };
  const more = await recordSameRows(tx, job, rest, Math.max(0, workBytes - first.work));
  return {
    rows: first.rows + more.rows,
    others: [...first.others, ...more.others],
    untried: 0,
  };
}

async function recordSameRows(
  tx: Transaction,
  { id: jobId, environmentId, entity }: UpsertJob,
  rows: readonly AcceptedRow[],
  workBytes: number,
): Promise<{ rows: number; others: AcceptedRow[]; work: number }> {
  const { collection, idKey } = ENTITIES[entity];
  const { rows: answers } = await tx.query<{ taken: number; others: number[] | null; work: number }>({
    name: `record-same-rows-${entity}`,
    // OFFSET 0 makes it a lookup by key for each row, as in upsert-statement. A row is taken when it fits, or when
    // nothing before it had to be looked into.
    text: `WITH input AS MATERIALIZED (
             SELECT i.row, i.id, coalesce(t.is_same, false) AS is_same,
                    CASE WHEN t.is_same THEN 0 ELSE coalesce(t.size, 0) + i.bytes END AS work
             FROM unnest($3::int[], $4::text[], $5::text[], $6::int[]) AS i(row, id, digest, bytes)
             LEFT JOIN LATERAL (
               SELECT t.row_digest IS NOT NULL AND t.row_digest = decode(i.digest, 'hex') AS is_same, ${storedSize('t')} AS size
               FROM ${collection} t WHERE t.environment_id = $1 AND t.${idKey} = i.id OFFSET 0
             ) t ON true),
           taken AS MATERIALIZED (
             SELECT * FROM (SELECT *, sum(work) OVER (ORDER BY row ROWS UNBOUNDED PRECEDING) AS work_so_far FROM input) i
             WHERE work_so_far <= $7 OR work > 0 AND work_so_far = work),
           results AS (
             INSERT INTO row_results (environment_id, job_id, row, id, outcome)
             SELECT $1, $2, row, id, 'unchanged' FROM taken WHERE is_same ORDER BY row)
           SELECT count(*)::int AS taken, array_agg(row) FILTER (WHERE NOT is_same) AS others,
                  coalesce(sum(work), 0)::float8 AS work FROM taken`,
    values: [
      environmentId,
      jobId,
      rows.map(({ row }) => row),
      rows.map(({ id }) => id),
      rows.map(({ digest }) => digest),
      rows.map(({ json }) => json.length),
      workBytes,
    ],
  });
  const { taken = 0, others = [], work = 0 } = answers[0] ?? {};
  const wanted = new Set(others);
  return { rows: taken, others: rows.filter(({ row }) => wanted.has(row)), work };
}
