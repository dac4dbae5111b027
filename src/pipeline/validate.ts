/** Stage `validating`: refuses the rows that break a rule, and notes which properties and unknown keys there are. */
import { type Observations, observeIgnoredKey, observeProperty } from '#job/observations';
import { advanceJob } from '#store/move-job';
import { insertRefusedRows, type RefusedRow } from '#store/row-results';
import { readStagedRows } from '#store/staged-rows';
import { createRowReader } from './read-csv-row';
import type { ReadRow } from './read-row';
import { SLICE_BYTES, SLICE_ROWS, type Slice, type SliceOutcome } from './slice';

/** Checks the next rows. Accepted rows leave no trace here: they are read again when they are applied. */
export async function validateSlice({ tx, job }: Slice): Promise<SliceOutcome> {
  const { environmentId, id: jobId, cursor, observations } = job;
  const staged = await readStagedRows(tx, {
    environmentId,
    jobId,
    after: cursor,
    rows: SLICE_ROWS,
    bytes: SLICE_BYTES,
  });
  const last = staged.at(-1);
  if (last === undefined) return { kind: 'done' };

  const readRow = createRowReader(job);
  const refused: RefusedRow[] = [];
  for (const { row, raw } of staged) {
    if (raw.length === 0) continue; // erased
    const read = readRow(raw);
    if (read.errors.length > 0) refused.push({ row, id: read.id, errors: read.errors });
    else observe(observations, read);
  }
  await insertRefusedRows(tx, job, refused);
  const revision = await advanceJob(tx, job, {
    cursor: last.row,
    counts: { failed: refused.length },
    observations,
  });
  return { kind: 'more', revision, delayMs: 0 };
}

function observe(observations: Observations, read: ReadRow): void {
  for (const key of read.ignoredKeys) observeIgnoredKey(observations, key);
  for (const [key, type] of read.properties) observeProperty(observations, key, type);
}
