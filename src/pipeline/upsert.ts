/** Stage `processing`: applies the accepted rows in their order, at the environment's pace. */
import { noRows, OUTCOMES, type OutcomeCounts, rowError } from '#job/outcome';
import type { AcceptedRow, StagedRow } from '#job/row';
import type { Transaction } from '#store/client';
import { isDataFault } from '#store/faults';
import { advanceJob, type LockedJob, postponeJob } from '#store/move-job';
import { lockPace, savePace } from '#store/paces';
import { digestRow } from '#store/row-digest';
import { insertErasedRows, insertRefusedRows, type RefusedRow } from '#store/row-results';
import { upsertRows } from '#store/upsert-rows';
import { createRowReader, type RowReader } from './read-csv-row';
import { inStretches, readBatches, type Slice, type SliceOutcome, sliceTimer } from './slice';
import { acrossLeap, afterSlice, settlePace, takeTurn } from './throttle';

/**
 * Applies the next rows, as many as the throttle allows at this moment, or none when the slice is not due yet. A dry run
 * is not throttled.
 */
export async function upsertSlice(slice: Slice): Promise<SliceOutcome> {
  return slice.usersPerMinute > 0 && !slice.job.dryRun ? pacedSlice(slice) : unpacedSlice(slice);
}

async function unpacedSlice(slice: Slice): Promise<SliceOutcome> {
  const applied = await applyNextRows(slice, readBatches(slice), sliceTimer());
  if (applied === undefined) return { kind: 'done' };
  const revision = await advanceJob(slice.tx, slice.job, applied);
  return { kind: 'more', revision, delayMs: 0 };
}

async function pacedSlice(slice: Slice): Promise<SliceOutcome> {
  const { tx, job, usersPerMinute, clock } = slice;
  const { pace: stored, nowMs } = await lockPace(tx, job.environmentId);
  const leap = clock.look(nowMs);
  const pace = settlePace(leap === undefined ? stored : acrossLeap(stored, leap), nowMs);
  const turn = takeTurn(pace, nowMs, usersPerMinute);
  if (!turn.due) {
    await savePace(tx, job.environmentId, pace, false);
    await postponeJob(tx, job, turn.dueAtMs);
    return { kind: 'more', revision: job.revision, delayMs: turn.dueAtMs - nowMs };
  }
  const applied = await applyNextRows(slice, readBatches(slice, turn.rows, 1), () => true);
  if (applied === undefined) return { kind: 'done' };
  const next = afterSlice(pace, nowMs, applied.rows, usersPerMinute);
  await savePace(tx, job.environmentId, next, true);
  const revision = await advanceJob(tx, job, { ...applied, dueAtMs: next.nextDueAtMs });
  return { kind: 'more', revision, delayMs: next.nextDueAtMs - nowMs, paced: true };
}

interface Applied {
  /** Last row of the slice. */
  cursor: number;
  rows: number;
  counts: OutcomeCounts;
}

/**
 * Applies the batches, one at least, until the slice is over. While PostgreSQL writes one the next is sorted out here.
 * Returns undefined when there are no more rows.
 */
async function applyNextRows(
  slice: Slice,
  batches: AsyncIterable<readonly StagedRow[]>,
  isOver: () => boolean,
): Promise<Applied | undefined> {
  const { job } = slice;
  const readRow = createRowReader(job);
  const applied: Applied = { cursor: 0, rows: 0, counts: noRows() };
  let writing: Promise<void> = Promise.resolve();
  for await (const batch of batches) {
    const sorted = await sortOut(batch, slice, readRow);
    await writing;
    if (applied.rows > 0 && isOver()) break;
    applied.cursor = batch.at(-1)?.row ?? applied.cursor;
    applied.rows += batch.length;
    writing = writeBatch(slice, sorted).then((counts) => addTo(applied.counts, counts));
    writing.catch(() => undefined); // awaited a batch later
  }
  await writing;
  return applied.rows > 0 ? applied : undefined;
}

interface SortedBatch {
  accepted: AcceptedRow[];
  refused: RefusedRow[];
  erased: number[];
}

async function sortOut(
  batch: readonly StagedRow[],
  { job, erasures }: Pick<Slice, 'job' | 'erasures'>,
  readRow: RowReader,
): Promise<SortedBatch> {
  const sorted: SortedBatch = { accepted: [], refused: [], erased: [] };
  for await (const stretch of inStretches(batch)) {
    for (const { row, raw } of stretch) {
      if (raw.length === 0) {
        sorted.erased.push(row);
        continue;
      }
      const read = readRow(raw);
      const { id, companyId, errors, hasNulls } = read;
      if (!erasures.isEmpty && (await erasures.isErased(id, raw))) {
        sorted.erased.push(row);
        continue;
      }
      // Validation has refused what breaks a rule; more only if a newer version with stricter rules took over.
      if (id === null || errors.length > 0) sorted.refused.push({ row, id, errors });
      else {
        const whole = read.json;
        const json = whole ?? read.metadata;
        const patch = { companyId, json, isWhole: whole !== undefined };
        sorted.accepted.push({ row, id, ...patch, hasNulls, digest: digestRow(patch, job) });
      }
    }
  }
  return sorted;
}

async function writeBatch(
  { tx, job, isCareful }: Slice,
  { accepted, refused, erased }: SortedBatch,
): Promise<OutcomeCounts> {
  await insertRefusedRows(tx, job, refused);
  await insertErasedRows(tx, job, erased);
  const counts = await (isCareful ? applyAroundPoison : upsertRows)(tx, job, accepted);
  counts.failed += refused.length;
  counts.unchanged += erased.length;
  return counts;
}

function addTo(sum: OutcomeCounts, counts: OutcomeCounts): void {
  for (const outcome of OUTCOMES) sum[outcome] += counts[outcome];
}

/** Applies rows; where the database refuses a value, halves them until only the poison row is left out. */
async function applyAroundPoison(
  tx: Transaction,
  job: LockedJob,
  rows: readonly AcceptedRow[],
): Promise<OutcomeCounts> {
  if (rows.length === 0) return noRows();
  await tx.query('SAVEPOINT rows');
  try {
    const counts = await upsertRows(tx, job, rows);
    await tx.query('RELEASE SAVEPOINT rows');
    return counts;
  } catch (error) {
    if (!isDataFault(error)) throw error;
    await tx.query('ROLLBACK TO SAVEPOINT rows');
  }
  const [only] = rows;
  if (rows.length === 1 && only !== undefined) {
    await insertRefusedRows(tx, job, [{ row: only.row, id: only.id, errors: [rowError('storage_error')] }]);
    return { ...noRows(), failed: 1 };
  }
  const middle = Math.ceil(rows.length / 2);
  const counts = await applyAroundPoison(tx, job, rows.slice(0, middle));
  addTo(counts, await applyAroundPoison(tx, job, rows.slice(middle)));
  return counts;
}
