/**
 * The SQL of the upsert where an id may come more than once. What is stored under an id is read once and written once,
 * however many rows it has: the rows are taken apart into moves, one for each key that a row sets or removes (in the mode
 * replace one for the metadata as a whole; the company counts as one more), and a window over the moves of one key says
 * what each of them meets. Outcomes and end state are those of applying the rows one after another.
 *
 * Parameters as in upsert-statement.ts; $8 rows that are refused because the metadata would be too large, null when nobody
 * has worked them out yet. Then the statement does nothing if there are any and answers `ledger`, from which
 * refuse-too-large.ts works them out, because each refusal changes what the next row meets.
 */
import type { UpsertJob } from '#job/options';
import {
  COUNTS,
  compactBytes,
  INPUT,
  isTooLarge,
  keyCount,
  MAX_PROFILE_KEYS,
  noteChanges,
  RESULTS,
  stored,
  WORK,
  writeChanges,
} from './upsert-statement';

/** The statement for rows of ids that may come more than once. */
export function foldStatement(job: UpsertJob): string {
  const { entity, dryRun } = job;
  const { patched, storedMoves, base, bytes, keys, net, newMetadata } =
    job.metadataMode === 'merge' ? BY_KEY : AS_A_WHOLE;
  return `
WITH ${INPUT},
sizes AS MATERIALIZED (SELECT id, sum(pg_column_size(patch)) AS bytes FROM input GROUP BY id),
found AS MATERIALIZED (
  SELECT i.row, i.id, s.is_there AS existed, s.place, s.version, s.company_id, s.metadata, s.size, s.is_size_sure,
         NOT coalesce(s.is_size_sure, true) OR coalesce(s.size, 0) + z.bytes > $7 AS is_near
  FROM input i JOIN sizes z ON z.id = i.id ${stored(entity, dryRun)}
  WHERE i.turn = 1
),
${WORK},
based AS MATERIALIZED (
  SELECT id, row,
         CASE WHEN is_near THEN ${base} ELSE 0 END AS bytes,
         CASE WHEN is_near THEN ${keyCount('metadata')} ELSE 0 END AS keys
  FROM found WHERE (SELECT fits FROM work)
),
candidates AS MATERIALIZED (
  SELECT i.row, i.turn, i.id, i.sets_company, i.company_id, i.nulls, i.digest, i.patch, f.existed, f.is_near
  FROM input i JOIN found f ON f.id = i.id
  WHERE (SELECT fits FROM work) AND NOT i.row = ANY (coalesce($8::int[], '{}'))
),
live AS MATERIALIZED (${liveRows(job)}),
patched AS MATERIALIZED (
  ${patched}
  UNION ALL
  SELECT id, row, turn, 0 AS kind, '' AS key, to_jsonb(company_id) AS value, is_near FROM live WHERE sets_company
),
moves AS MATERIALIZED (
  SELECT m.*, lag(m.value) OVER w AS before, lead(m.turn) OVER w IS NULL AS is_last
  FROM (
    SELECT id, row, turn, kind, key COLLATE "C" AS key, value, is_near FROM patched
    UNION ALL
    SELECT id, 0, 0, 0, '', to_jsonb(company_id), is_near FROM found
    WHERE company_id IS NOT NULL AND (SELECT fits FROM work)
    UNION ALL
    ${storedMoves}
  ) m
  WINDOW w AS (PARTITION BY m.id, m.kind, m.key ORDER BY m.turn)
),
changes AS MATERIALIZED (
  SELECT row, id, turn, is_near, bool_or(ROW(value)::record *<> ROW(before)::record) AS is_changed,
         sum(CASE WHEN is_near AND kind = 1 THEN ${bytes('value')} - ${bytes('before')} ELSE 0 END) AS bytes,
         sum(CASE WHEN is_near AND kind = 1 THEN ${keys('value')} - ${keys('before')} ELSE 0 END) AS keys
  FROM moves WHERE turn > 0 GROUP BY row, id, turn, is_near
),
beyond AS MATERIALIZED (
  SELECT DISTINCT id FROM (
    SELECT c.id, c.bytes, c.keys, b.bytes + sum(c.bytes) OVER w AS bytes_after, b.keys + sum(c.keys) OVER w AS keys_after
    FROM changes c JOIN based b ON b.id = c.id WHERE c.is_near WINDOW w AS (PARTITION BY c.id ORDER BY c.turn)) c
  WHERE $8::int[] IS NULL AND (bytes > 0 AND bytes_after > $6 OR keys > 0 AND keys_after > ${MAX_PROFILE_KEYS})
),
fold AS MATERIALIZED (
  SELECT i.row, i.turn, i.id, i.digest, l.row IS NOT NULL AS is_live,
         CASE WHEN l.nth = 1 AND NOT l.existed THEN 'created'
              WHEN l.row IS NOT NULL THEN CASE WHEN c.is_changed THEN 'updated' ELSE 'unchanged' END
              ELSE ${refusal(job)} END AS verdict
  FROM input i JOIN found f ON f.id = i.id LEFT JOIN live l ON l.row = i.row LEFT JOIN changes c ON c.row = i.row
  WHERE (SELECT fits FROM work) AND NOT EXISTS (SELECT FROM beyond)
),
ends AS MATERIALIZED (
  SELECT id, bool_or(verdict IN ('created', 'updated')) AS changed,
         (array_agg(digest ORDER BY turn DESC) FILTER (WHERE is_live))[1] AS digest
  FROM fold GROUP BY id
),
nets AS MATERIALIZED (
  SELECT id, ${net} FILTER (WHERE kind = 1)${net.startsWith('(') ? ')[1]' : ''} AS net,
         coalesce(bool_or(value IS NULL) FILTER (WHERE kind = 1), false) AS removes,
         (array_agg(value) FILTER (WHERE kind = 0))[1] #>> '{}' AS company_id, bool_or(kind = 0) AS sets_company
  FROM moves WHERE is_last AND turn > 0 GROUP BY id
),
final AS MATERIALIZED (
  SELECT m.id, m.existed, m.place, m.version, m.company_id, m.metadata, m.digest, m.changed,
         CASE WHEN m.is_kept THEN m.kept_size ELSE pg_column_size(m.metadata) END AS size
  FROM (
    SELECT f.id, f.existed, f.place, f.version, e.digest, e.changed, f.metadata IS NOT NULL AND n.net IS NULL AS is_kept,
           CASE WHEN f.is_size_sure THEN f.size END AS kept_size,
           CASE WHEN n.sets_company THEN n.company_id ELSE f.company_id END AS company_id,
           CASE WHEN NOT e.changed THEN NULL WHEN n.net IS NULL THEN coalesce(f.metadata, '{}') ELSE ${newMetadata} END AS metadata
    FROM found f JOIN ends e ON e.id = f.id LEFT JOIN nets n ON n.id = f.id OFFSET 0) m
),
${dryRun ? noteChanges() : writeChanges(entity)},
${RESULTS}
SELECT ${COUNTS},
  (SELECT json_build_object('bases', (SELECT json_agg(json_build_array(row, bytes, keys)) FROM based
                                      WHERE id IN (SELECT id FROM beyond)),
                            'moves', json_agg(json_build_array(m.base, m.row, m.slot, m.bytes, m.keys) ORDER BY m.base, m.turn))
   FROM (
     SELECT b.row AS base, m.row, m.turn, ${bytes('m.value')} AS bytes, ${keys('m.value')} AS keys,
            dense_rank() OVER (PARTITION BY m.id ORDER BY m.key) AS slot
     FROM moves m JOIN based b ON b.id = m.id
     WHERE m.kind = 1 AND m.id IN (SELECT id FROM beyond)) m
   HAVING count(*) > 0) AS ledger
FROM fold`;
}

/** The candidates that have an effect, each with its number among those of its id. */
function liveRows({ existingMode }: UpsertJob): string {
  const all = 'SELECT *, row_number() OVER (PARTITION BY id ORDER BY turn) AS nth FROM candidates';
  if (existingMode === 'upsert') return all;
  if (existingMode === 'update_only') return `${all} WHERE existed`;
  // Only the first row that fits creates anything; the others meet what it has created.
  return `SELECT DISTINCT ON (id) *, 1 AS nth FROM candidates
    WHERE NOT existed AND NOT (${isTooLarge('jsonb_strip_nulls(patch)')}) ORDER BY id, turn`;
}

/** Why a row that is not live was refused. */
function refusal({ existingMode }: UpsertJob): string {
  if (existingMode === 'upsert') return "'size'";
  if (existingMode === 'update_only') return "CASE WHEN f.existed THEN 'size' ELSE 'mode' END";
  return `CASE WHEN f.existed OR bool_or(l.row IS NOT NULL) OVER (PARTITION BY i.id ORDER BY i.turn) THEN 'mode' ELSE 'size' END`;
}

/** RFC 7396: a move for each key that a row names; the value of one that it removes is SQL's NULL. */
const BY_KEY = {
  patched: `SELECT l.id, l.row, l.turn, 1 AS kind, e.key, CASE WHEN jsonb_typeof(e.value) <> 'null' THEN e.value END AS value,
         l.is_near
  FROM live l CROSS JOIN LATERAL jsonb_each(l.patch) e`,
  storedMoves: `SELECT f.id, 0, 0, 1, e.key, e.value, f.is_near FROM found f CROSS JOIN LATERAL jsonb_each(f.metadata) e
    WHERE (SELECT fits FROM work) AND (f.id, e.key) IN (SELECT id, key FROM patched)`,
  // Each key and value with a colon and a comma: the object has one byte more.
  base: `CASE WHEN ${keyCount('metadata')} > 0 THEN ${compactBytes('metadata')} ELSE 1 END`,
  bytes: (value: string) =>
    `coalesce(octet_length(to_jsonb(${value.startsWith('m.') ? 'm.' : ''}key)::text) + octet_length(${value}::text) + 2, 0)`,
  keys: (value: string) => `(${value} IS NOT NULL)::int`,
  net: "jsonb_object_agg(key, coalesce(value, 'null'))",
  newMetadata: `CASE WHEN n.removes THEN jsonb_strip_nulls(coalesce(f.metadata || n.net, n.net))
                ELSE coalesce(f.metadata || n.net, n.net) END`,
};

/** The metadata as one value, replaced by each row. */
const AS_A_WHOLE = {
  patched: `SELECT l.id, l.row, l.turn, 1 AS kind, '' AS key,
         CASE WHEN l.nulls THEN jsonb_strip_nulls(l.patch) ELSE l.patch END AS value, l.is_near
  FROM live l`,
  storedMoves: `SELECT f.id, 0, 0, 1, '', f.metadata, f.is_near FROM found f
    WHERE f.existed AND (SELECT fits FROM work)`,
  base: `coalesce(${compactBytes('metadata')}, 0)`,
  bytes: (value: string) => `coalesce(${compactBytes(value)}, 0)`,
  keys: keyCount,
  net: '(array_agg(value)',
  newMetadata: 'n.net',
};
