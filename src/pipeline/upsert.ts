/** Stage `processing`: applies the accepted rows in their order, at the environment's pace. */
import type { OutcomeCounts } from '#job/outcome';
import { rowError } from '#job/outcome';
import type { AcceptedRow } from '#job/row';
import type { Transaction } from '#store/client';
import { isDataFault } from '#store/faults';
import { advanceJob, type LockedJob, postponeJob } from '#store/move-job';
import { lockPace, savePace } from '#store/paces';
import { insertErasedRows, insertRefusedRows, type RefusedRow } from '#store/row-results';
import { readStagedRows } from '#store/staged-rows';
import { upsertRows } from '#store/upsert-rows';
import { createRowReader } from './read-csv-row';
import { SLICE_BYTES, SLICE_ROWS, type Slice, type SliceOutcome } from './slice';
import { acrossLeap, afterSlice, settlePace, takeTurn } from './throttle';

/**
 * Applies the next rows, as many as the throttle allows at this moment, or none when the slice is not due yet. A dry run
 * is not throttled.
 */
export async function upsertSlice(slice: Slice): Promise<SliceOutcome> {
  return slice.usersPerMinute > 0 && !slice.job.dryRun ? pacedSlice(slice) : unpacedSlice(slice);
}

async function unpacedSlice({ tx, job }: Slice): Promise<SliceOutcome> {
  const applied = await applyNextRows(tx, job, SLICE_ROWS);
  if (applied === undefined) return { kind: 'done' };
  const revision = await advanceJob(tx, job, applied);
  return { kind: 'more', revision, delayMs: 0 };
}

async function pacedSlice({ tx, job, usersPerMinute, clock }: Slice): Promise<SliceOutcome> {
  const { pace: stored, nowMs } = await lockPace(tx, job.environmentId);
  const leap = clock.look(nowMs);
  const pace = settlePace(leap === undefined ? stored : acrossLeap(stored, leap), nowMs);
  const turn = takeTurn(pace, nowMs, usersPerMinute);
  if (!turn.due) {
    await savePace(tx, job.environmentId, pace, false);
    await postponeJob(tx, job, turn.dueAtMs);
    return { kind: 'more', revision: job.revision, delayMs: turn.dueAtMs - nowMs };
  }
  const applied = await applyNextRows(tx, job, turn.rows);
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

async function applyNextRows(tx: Transaction, job: LockedJob, rows: number): Promise<Applied | undefined> {
  const { environmentId, id: jobId, cursor } = job;
  const staged = await readStagedRows(tx, { environmentId, jobId, after: cursor, rows, bytes: SLICE_BYTES });
  const last = staged.at(-1);
  if (last === undefined) return undefined;

  const readRow = createRowReader(job);
  const accepted: AcceptedRow[] = [];
  const refused: RefusedRow[] = [];
  const erased: number[] = [];
  for (const { row, raw } of staged) {
    if (raw.length === 0) {
      erased.push(row);
      continue;
    }
    const { id, companyId, metadata, errors } = readRow(raw);
    // Validation has refused what breaks a rule; more is refused here only if a newer version with stricter rules took over.
    if (id === null || errors.length > 0) refused.push({ row, id, errors });
    else accepted.push({ row, id, companyId, metadata });
  }
  await insertRefusedRows(tx, job, refused);
  await insertErasedRows(tx, job, erased);
  const counts = await applyRows(tx, job, accepted);
  counts.failed += refused.length;
  counts.unchanged += erased.length;
  return { cursor: last.row, rows: staged.length, counts };
}

/** Applies rows; where the database refuses a value, halves them until only the poison row is left out. */
async function applyRows(
  tx: Transaction,
  job: LockedJob,
  rows: readonly AcceptedRow[],
): Promise<OutcomeCounts> {
  if (rows.length === 0) return { created: 0, updated: 0, unchanged: 0, failed: 0 };
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
    return { created: 0, updated: 0, unchanged: 0, failed: 1 };
  }
  const middle = Math.ceil(rows.length / 2);
  const first = await applyRows(tx, job, rows.slice(0, middle));
  const second = await applyRows(tx, job, rows.slice(middle));
  return {
    created: first.created + second.created,
    updated: first.updated + second.updated,
    unchanged: first.unchanged + second.unchanged,
    failed: first.failed + second.failed,
  };
}
