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

/**
 * Records as unchanged the rows that are what was applied last.
 * @param rows of different ids, with the digest of each
 * @returns those that are left to be looked into. When hardly any of the first ones is the same, none of the others is tried
 */
export async function settleSameRows(
  tx: Transaction,
  job: UpsertJob,
  rows: readonly AcceptedRow[],
): Promise<readonly AcceptedRow[]> {
  // A dry run has notes of its own instead of users, and what may only be created fails when it is there.
  if (job.dryRun || job.existingMode === 'create_only') return rows;
  const sample = rows.slice(0, SAMPLE_ROWS);
  const others = await recordSameRows(tx, job, sample);
  const rest = rows.slice(SAMPLE_ROWS);
  if (rest.length > 0 && others.length <= sample.length / 2)
    others.push(...(await recordSameRows(tx, job, rest)));
  else others.push(...rest);
  return others;
}

/** Returns the rows that are others. */
async function recordSameRows(
  tx: Transaction,
  { id: jobId, environmentId, entity }: UpsertJob,
  rows: readonly AcceptedRow[],
): Promise<AcceptedRow[]> {
  const { collection, idKey } = ENTITIES[entity];
  const { rows: answers } = await tx.query<{ others: number[] | null }>({
    name: `record-same-rows-${entity}`,
    // OFFSET 0 makes it a look by key for each row, as in upsert-rows.
    text: `WITH input AS MATERIALIZED (
             SELECT i.row, i.id, t.is_same IS NOT NULL AS is_same
             FROM unnest($3::int[], $4::text[], $5::text[]) AS i(row, id, digest)
             LEFT JOIN LATERAL (
               SELECT true AS is_same FROM ${collection} t
               WHERE t.environment_id = $1 AND t.${idKey} = i.id AND t.row_digest = decode(i.digest, 'hex') OFFSET 0
             ) t ON true),
           results AS (
             INSERT INTO row_results (environment_id, job_id, row, id, outcome)
             SELECT $1, $2, row, id, 'unchanged' FROM input WHERE is_same ORDER BY row)
           SELECT array_agg(row) FILTER (WHERE NOT is_same) AS others FROM input`,
    values: [
      environmentId,
      jobId,
      rows.map(({ row }) => row),
      rows.map(({ id }) => id),
      rows.map(({ digest }) => digest),
    ],
  });
  const others = new Set(answers[0]?.others);
  return rows.filter(({ row }) => others.has(row));
}
