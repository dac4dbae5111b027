/** Stage `processing`: applies the accepted rows in their order, at the environment's pace. */
import { noRows, OUTCOMES, type OutcomeCounts, rowError } from '#job/outcome';
import type { AcceptedRow, StagedRow } from '#job/row';
import type { Transaction } from '#store/client';
import { isDataFault } from '#store/faults';
import { advanceJob, type LockedJob, postponeJob } from '#store/move-job';
import { lockPace, savePace } from '#store/paces';
import { digestRow } from '#store/row-digest';
import { insertErasedRows, insertRefusedRows, type RefusedRow } from '#store/row-results';
import { type UpsertBounds, type Upserted, upsertSomeRows } from '#store/upsert-rows';
import { BatchSize } from './batch-size';
import { createRowReader, type RowReader } from './create-row-reader';
import { inStretches, readBatches, type Slice, type SliceOutcome, sliceTimer } from './slice';
import { acrossLeap, afterSlice, settlePace, takeTurn } from './throttle';

/** Bytes of input and of what is stored that one statement reads, and about as many that it writes. */
const WORK_BYTES = 4 * 1024 * 1024;

/** A row that is tried alone fails after three tries; the first attempt is that of the rows that it was among. */
const MOST_ATTEMPTS = 1 + 3;

/** The server ends a statement by itself; this side waits a little longer. */
const ANSWER_MARGIN_MS = 500;

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
  const applied = await applyNextRows(slice, readBatches(slice, turn.rows, 1), sliceTimer());
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
  batchRows: number | null;
}

/**
 * Applies the batches until the slice is over, as much of the last one as there is time for and one row at least. While
 * PostgreSQL writes one the next is sorted out here. Returns undefined when there are no more rows.
 */
async function applyNextRows(
  slice: Slice,
  batches: AsyncIterable<readonly StagedRow[]>,
  hasHadItsTime: () => boolean,
): Promise<Applied | undefined> {
  const { job } = slice;
  // After a failure one statement at a time: so it is the first row that fails when it is tried alone.
  const isOver = () => job.attempts > 0 || hasHadItsTime();
  const readRow = createRowReader(job);
  const size = new BatchSize(job.batchRows);
  const applied: Omit<Applied, 'batchRows'> = { cursor: 0, rows: 0, counts: noRows() };
  let writing: Promise<Written> = Promise.resolve('all');
  for await (const batch of batches) {
    const sorted = await sortOut(batch, slice, readRow);
    if ((await writing) === 'a part' || (applied.rows > 0 && isOver())) break;
    writing = writeBatch(slice, sorted, size, isOver).then(({ cursor, counts }) => {
      const last = batch.at(-1)?.row ?? 0;
      applied.cursor = cursor ?? last;
      applied.rows += batch.filter(({ row }) => row <= applied.cursor).length;
      addTo(applied.counts, counts);
      return cursor === undefined ? 'all' : 'a part';
    });
    writing.catch(() => undefined); // awaited a batch later
  }
  await writing;
  return applied.rows > 0 ? { ...applied, batchRows: size.kept } : undefined;
}

/** How much of a batch was written. */
type Written = 'all' | 'a part';

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
    for (const { row, line, raw } of stretch) {
      if (raw.length === 0) {
        sorted.erased.push(row);
        continue;
      }
      const read = readRow(raw, line);
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

/** Writes the rows of a batch, or as many as there is time for: then `cursor` is the last one of them. */
async function writeBatch(
  slice: Slice,
  { accepted, refused, erased }: SortedBatch,
  size: BatchSize,
  isOver: () => boolean,
): Promise<{ cursor: number | undefined; counts: OutcomeCounts }> {
  const { tx, job } = slice;
  const counts = noRows();
  let done = 0;
  do {
    const upserted = await writePiece(slice, accepted.slice(done, done + size.rows), size);
    addTo(counts, upserted.counts);
    done += upserted.rows;
  } while (done < accepted.length && !isOver());
  const next = accepted[done];
  const isDone = (row: number) => next === undefined || row < next.row;
  const refusedNow = refused.filter(({ row }) => isDone(row));
  const erasedNow = erased.filter(isDone);
  await insertRefusedRows(tx, job, refusedNow);
  await insertErasedRows(tx, job, erasedNow);
  counts.failed += refusedNow.length;
  counts.unchanged += erasedNow.length;
  return { cursor: next && next.row - 1, counts };
}

/** Applies rows by one statement as a rule, and learns from the time that it takes how many the next one is to have. */
async function writePiece(slice: Slice, rows: readonly AcceptedRow[], size: BatchSize): Promise<Upserted> {
  const { tx, job, isCareful, limits, maxProfileBytes, tried } = slice;
  const [first] = rows;
  if (first === undefined) return { rows: 0, counts: noRows() };
  if (isGivenUp(job)) {
    size.learn(1, 1, 0);
    return refuse(tx, job, first);
  }
  tried.rows = rows.length;
  const statementMs = job.batchRows === 1 ? limits.rowMs : limits.batchMs;
  const bounds = { maxProfileBytes, workBytes: WORK_BYTES, answerTimeoutMs: statementMs + ANSWER_MARGIN_MS };
  const begunMs = performance.now();
  const upserted = await (isCareful ? applyAroundPoison : upsertSomeRows)(tx, job, rows, bounds);
  size.learn(rows.length, upserted.rows, performance.now() - begunMs);
  return upserted;
}

/** Whether the next row could not be applied though it was alone, several times. */
function isGivenUp({ batchRows, attempts }: LockedJob): boolean {
  return batchRows === 1 && attempts >= MOST_ATTEMPTS;
}

async function refuse(tx: Transaction, job: LockedJob, { row, id }: AcceptedRow): Promise<Upserted> {
  await insertRefusedRows(tx, job, [{ row, id, errors: [rowError('storage_error')] }]);
  return { rows: 1, counts: { ...noRows(), failed: 1 } };
}

function addTo(sum: OutcomeCounts, counts: OutcomeCounts): void {
  for (const outcome of OUTCOMES) sum[outcome] += counts[outcome];
}

/** Applies rows; where the database refuses a value, halves them until only the poison row is left out. */
async function applyAroundPoison(
  tx: Transaction,
  job: LockedJob,
  rows: readonly AcceptedRow[],
  bounds: UpsertBounds,
): Promise<Upserted> {
  await tx.query('SAVEPOINT rows');
  try {
    const upserted = await upsertSomeRows(tx, job, rows, bounds);
    await tx.query('RELEASE SAVEPOINT rows');
    return upserted;
  } catch (error) {
    if (!isDataFault(error)) throw error;
    await tx.query('ROLLBACK TO SAVEPOINT rows');
  }
  const [only] = rows;
  if (rows.length === 1 && only !== undefined) return refuse(tx, job, only);
  const middle = Math.ceil(rows.length / 2);
  const first = await applyAroundPoison(tx, job, rows.slice(0, middle), bounds);
  if (first.rows < middle) return first;
  const second = await applyAroundPoison(tx, job, rows.slice(middle), bounds);
  addTo(first.counts, second.counts);
  return { rows: first.rows + second.rows, counts: first.counts };
}
