/**
 * What the parts of an upsert cost in PostgreSQL, each alone: reading the rows, merging them with what is stored, and
 * finding out that nothing has changed. All by statements that write nothing, upon users that are stored already and rows
 * that equal them: the import that should be quickest.
 */
import type { Store } from '#store/client';
import { SIZES } from '../make-rows';
import { withDatabase } from './database';
import { compareWays, readRepetitions, readSizes, type Way } from './measure';
import { ENVIRONMENT, measureImports, readSent, upsertInBatches } from './upsert';

const BATCH_ROWS = 500;
const BYTES_PER_MIB = 1024 * 1024;

const RECORDSET = 'jsonb_to_recordset($1::jsonb) AS i(id text, patch jsonb)';
const STORED = `${RECORDSET} JOIN users t ON t.environment_id = ${ENVIRONMENT} AND t.user_id = i.id`;

/** $1 is [{id, patch}, ...] as text. */
const PARTS: [name: string, statement: string][] = [
  ['transfer of the text', 'SELECT octet_length($1::text)'],
  ['text to json, checked only', 'SELECT json_array_length($1::json)'],
  ['text to jsonb', 'SELECT jsonb_array_length($1::jsonb)'],
  ['text to rows of (id, jsonb)', `SELECT count(i.patch) FROM ${RECORDSET}`],
  ['... joined with users', `SELECT count(t.user_id) FROM ${STORED}`],
  ['... and stored metadata read', `SELECT count(jsonb_typeof(t.metadata)) FROM ${STORED}`],
  [
    '... and images compared',
    `SELECT count(*) FROM ${STORED} WHERE ROW(t.metadata)::record *= ROW(i.patch)::record`,
  ],
  ['... and merged by ||', `SELECT count(t.metadata || i.patch) FROM ${STORED}`],
  ['... merged, nulls stripped', `SELECT count(jsonb_strip_nulls(t.metadata || i.patch)) FROM ${STORED}`],
  [
    '... merged, stripped, compared',
    `SELECT count(*) FROM ${STORED}, LATERAL (SELECT jsonb_strip_nulls(t.metadata || i.patch) AS metadata OFFSET 0) a
     WHERE ROW(t.metadata)::record *= ROW(a.metadata)::record`,
  ],
];

async function main(store: Store): Promise<void> {
  const repetitions = readRepetitions();
  const tx = await store.pool.connect();
  for (const size of readSizes()) {
    const rows = await readSent(size, 0);
    await measureImports(tx, upsertInBatches(BATCH_ROWS), [await readSent(size, 1), rows]);
    await tx.query('VACUUM ANALYZE users');
    const batches: string[] = [];
    for (let begin = 0; begin < rows.length; begin += BATCH_ROWS) {
      const items = rows.slice(begin, begin + BATCH_ROWS);
      const texts = items.map(({ id, metadata }) => `{"id":${JSON.stringify(id)},"patch":${metadata}}`);
      batches.push(`[${texts.join(',')}]`);
    }
    const mib = batches.reduce((sum, batch) => sum + Buffer.byteLength(batch), 0) / BYTES_PER_MIB;
    const ways = PARTS.map(
      ([name, text]): Way => ({
        name,
        async run() {
          const begun = performance.now();
          for (const batch of batches) await tx.query({ name, text, values: [batch] });
          const ms = performance.now() - begun;
          return { 'ms for all rows': ms, 'MB/s': mib / (ms / 1000) };
        },
      }),
    );
    await compareWays(`parts of the statement, ${SIZES[size]}, batches of ${BATCH_ROWS}`, ways, repetitions);
  }
  tx.release();
}

void withDatabase(main);
