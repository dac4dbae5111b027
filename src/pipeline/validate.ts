/** Stage `validating`: refuses the rows that break a rule, and notes which properties and unknown keys there are. */
import { emptyObservations, type Observations, observeIgnoredKey, observeProperty } from '#job/observations';
import { advanceJob } from '#store/move-job';
import { insertRefusedRows, type RefusedRow } from '#store/row-results';
import { createRowReader } from './read-csv-row';
import type { ReadRow } from './read-row';
import { recordObservations, recordOlderObservations } from './record-observations';
import { inStretches, readBatches, type Slice, type SliceOutcome, sliceTimer } from './slice';

/** Checks the next rows. Accepted rows leave no trace here: they are read again when they are applied. */
export async function validateSlice(slice: Slice): Promise<SliceOutcome> {
  const { tx, job } = slice;
  const { erasures } = slice;
  const older = await recordOlderObservations(tx, job);
  const observations = emptyObservations();
  const readRow = createRowReader(job);
  const isOver = sliceTimer();
  let cursor: number | undefined;
  let failed = 0;
  for await (const batch of readBatches(slice)) {
    const refused: RefusedRow[] = [];
    for await (const stretch of inStretches(batch)) {
      for (const { row, raw } of stretch) {
        if (raw.length === 0) continue; // erased
        const read = readRow(raw);
        if (!erasures.isEmpty && (await erasures.isErased(read.id, raw))) continue;
        if (read.errors.length > 0) refused.push({ row, id: read.id, errors: read.errors });
        else observe(observations, read);
      }
    }
    await insertRefusedRows(tx, job, refused);
    failed += refused.length;
    cursor = batch.at(-1)?.row;
    if (isOver()) break;
  }
  if (cursor === undefined) return { kind: 'done' };
  const observedKeys = job.observedKeys + older.observedKeys;
  const ignoredKeys = job.ignoredKeys + older.ignoredKeys;
  const recorded = await recordObservations(tx, { ...job, observedKeys, ignoredKeys }, observations);
  const revision = await advanceJob(tx, job, {
    cursor,
    counts: { failed },
    observedKeys: older.observedKeys + recorded.observedKeys,
    ignoredKeys: older.ignoredKeys + recorded.ignoredKeys,
  });
  return { kind: 'more', revision, delayMs: 0 };
}

function observe(observations: Observations, read: ReadRow): void {
  for (const key of read.ignoredKeys) observeIgnoredKey(observations, key);
  for (const key of read.droppedKeys) observeIgnoredKey(observations, key, 'droppedKeys');
  for (const [key, type] of read.properties) observeProperty(observations, key, type);
}
