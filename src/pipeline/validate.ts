/** Stage `validating`: refuses the rows that break a rule, and notes which properties, unknown keys and repeats there are. */
import { ENTITIES } from '#job/entity';
import { emptyObservations, type Observations, observeIgnoredKey, observeProperty } from '#job/observations';
import { rowError } from '#job/outcome';
import { insertWarnings } from '#store/job-warnings';
import { advanceJob } from '#store/move-job';
import { insertRefusedRows, insertRepeats, insertUnappliedRows, type RefusedRow } from '#store/row-results';
import { createRowReader } from './create-row-reader';
import type { ReadRow } from './read-row';
import { recordObservations, recordOlderObservations } from './record-observations';
import type { SeenIds } from './seen-ids';
import { inStretches, readBatches, type Slice, type SliceOutcome, sliceTimer } from './slice';
import { keepIds, takeIds } from './watch-ids';

/** Checks the next rows. Accepted rows leave no trace here: they are read again when they are applied. */
export async function validateSlice(slice: Slice): Promise<SliceOutcome> {
  const { tx, job } = slice;
  const { erasures } = slice;
  const older = await recordOlderObservations(tx, job);
  const observations = emptyObservations();
  const readRow = createRowReader(job);
  const isOver = sliceTimer();
  const ids = await takeIds(slice);
  const counts = { failed: 0, unchanged: 0 };
  let cursor: number | undefined;
  for await (const batch of readBatches(slice)) {
    const found = new Findings(slice, ids);
    for await (const stretch of inStretches(batch)) {
      for (const { row, line, raw } of stretch) {
        if (raw.length === 0) continue; // erased
        const read = readRow(raw, line);
        if (!erasures.isEmpty && (await erasures.isErased(read.id, raw))) continue;
        if (found.add(row, read)) observe(observations, read);
      }
    }
    await found.write();
    counts.failed += found.refused.length;
    counts.unchanged += found.unapplied.length;
    cursor = batch.at(-1)?.row;
    if (isOver()) break;
  }
  if (cursor === undefined) {
    await warnOfIds(slice, ids);
    return { kind: 'done' };
  }
  const observedKeys = job.observedKeys + older.observedKeys;
  const ignoredKeys = job.ignoredKeys + older.ignoredKeys;
  const recorded = await recordObservations(tx, { ...job, observedKeys, ignoredKeys }, observations);
  const revision = await advanceJob(tx, job, {
    cursor,
    counts,
    observedKeys: older.observedKeys + recorded.observedKeys,
    ignoredKeys: older.ignoredKeys + recorded.ignoredKeys,
  });
  keepIds(job.id, ids, cursor);
  return { kind: 'more', revision, delayMs: 0 };
}

/** What is to be written of the rows of one batch. */
class Findings {
  readonly refused: RefusedRow[] = [];
  /** Rows that are not applied, because the first one of their id counts. */
  readonly unapplied: { row: number; id: string }[] = [];
  private readonly repeats: { row: number; byRow: number }[] = [];

  constructor(
    private readonly slice: Slice,
    private readonly ids: SeenIds,
  ) {}

  /** @returns whether the row is accepted */
  add(row: number, { id, errors }: ReadRow): boolean {
    if (id === null || errors.length > 0) {
      this.refused.push({ row, id, errors });
      return false;
    }
    const before = this.ids.add(id, row);
    return before === undefined || this.addRepeat(row, id, before);
  }

  private addRepeat(row: number, id: string, { first, last }: { first: number; last: number }): boolean {
    const { reading, entity } = this.slice.job;
    if (reading.repeats === 'fail') {
      const error = rowError('repeated_id', ENTITIES[entity].idKey);
      if (first === last) this.refused.push({ row: first, id, errors: [error] });
      this.refused.push({ row, id, errors: [error] });
      return false;
    }
    if (reading.repeats === 'first') {
      this.unapplied.push({ row, id });
      this.repeats.push({ row, byRow: first });
      return false;
    }
    this.repeats.push({ row: last, byRow: row });
    return true;
  }

  async write(): Promise<void> {
    const { tx, job } = this.slice;
    await insertRefusedRows(tx, job, this.refused);
    await insertUnappliedRows(tx, job, this.unapplied);
    await insertRepeats(tx, job, this.repeats);
  }
}

async function warnOfIds({ tx, job }: Slice, { repeated, similar }: SeenIds): Promise<void> {
  const path = ENTITIES[job.entity].idKey;
  const found = [
    { code: 'repeated_ids' as const, path, type: String(repeated.ids), rows: repeated.rows },
    { code: 'similar_ids' as const, path, type: String(similar.ids), rows: similar.rows },
  ];
  await insertWarnings(
    tx,
    job,
    found.filter(({ rows }) => rows > 0),
  );
}

function observe(observations: Observations, read: ReadRow): void {
  for (const key of read.ignoredKeys) observeIgnoredKey(observations, key);
  for (const key of read.droppedKeys) observeIgnoredKey(observations, key, 'droppedKeys');
  for (const [key, type] of read.properties) observeProperty(observations, key, type);
}
