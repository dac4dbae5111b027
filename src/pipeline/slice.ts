/** What a stage gets for one slice and what it answers. A stage never moves a job's state: it says how it ended. */
import { setImmediate } from 'node:timers/promises';
import type { StagedRow } from '#job/row';
import type { Store, Transaction } from '#store/client';
import type { LockedJob, SliceLimits } from '#store/move-job';
import { readStagedRows } from '#store/staged-rows';
import type { ClockWatch } from './clock-watch';
import type { ErasureFilter } from './erasure-filter';

export interface Slice {
  tx: Transaction;
  /** For what need not be within the transaction: staged rows do not change while it has the job's lock. */
  store: Pick<Store, 'session'>;
  job: LockedJob;
  /** Throttle that holds for this job's environment; 0 = unthrottled. */
  usersPerMinute: number;
  /** Bytes of stored metadata beyond which nothing may grow. */
  maxProfileBytes: number;
  limits: SliceLimits;
  /** What the statement in work has been given, for whoever has to do with less when it fails. */
  tried: { rows: number };
  clock: ClockWatch;
  /** Who was erased since the job was accepted: their rows are not applied. */
  erasures: ErasureFilter;
  /** The database has refused a value of this slice: rows are to be tried until the one is found. Else that ends the slice. */
  isCareful: boolean;
}

/** How a slice of a stage ended. */
export type SliceOutcome =
  /** There is more to do, from this time on (milliseconds of the database's clock; absent = at once). */
  | { kind: 'more'; revision: number; delayMs: number; paced?: boolean }
  /** The stage has nothing left to do. */
  | { kind: 'done' };

/** Rows and bytes of one batch: what one statement reads or writes. */
export const BATCH_ROWS = 1_000;
export const BATCH_BYTES = 2 * 1024 * 1024;

/** How long a slice takes on batches before it commits: few commits, and yet other environments wait little. */
export const SLICE_MS = 500;

/** Says when a slice has worked long enough. */
export function sliceTimer(): () => boolean {
  const startedMs = performance.now();
  return () => performance.now() - startedMs >= SLICE_MS;
}

/** So many bytes of rows are read at a stretch. */
const STRETCH_BYTES = 32 * 1024;

/**
 * The rows of a batch. After each stretch what has come from PostgreSQL, and what is on its way there, gets its turn:
 * otherwise it would have to wait for this process, and the two would never work at the same time.
 */
export async function* inStretches(batch: readonly StagedRow[]): AsyncGenerator<readonly StagedRow[], void> {
  let start = 0;
  let bytes = 0;
  for (const [index, { raw }] of batch.entries()) {
    bytes += raw.length;
    if (bytes < STRETCH_BYTES) continue;
    yield batch.slice(start, index + 1);
    await setImmediate();
    start = index + 1;
    bytes = 0;
  }
  yield batch.slice(start);
}

/**
 * The staged rows behind the job's cursor, batch by batch. Each next batch is asked for before the last one is worked on,
 * and on another connection than that of the slice: so PostgreSQL reads a batch while it writes the one before.
 * @param most batches that are wanted
 */
export async function* readBatches(
  { store, job }: Slice,
  rows = BATCH_ROWS,
  most = Number.POSITIVE_INFINITY,
): AsyncGenerator<readonly StagedRow[], void> {
  const { environmentId, id: jobId } = job;
  // Behind the cursor only validation has left results, those of the rows that it has refused or found to be repeats.
  const haveResults = job.failedRows > 0 || job.reading.repeats !== undefined;
  const read = (after: number) => {
    const range = { environmentId, jobId, after, rows, bytes: BATCH_BYTES };
    const batch = store.session((session) => readStagedRows(session, range, haveResults));
    batch.catch(() => undefined); // nobody waits for it when the slice fails before
    return batch;
  };
  let next = read(job.cursor);
  for (let n = 1; n <= most; n++) {
    const batch = await next;
    const last = batch.at(-1);
    if (last === undefined) return;
    if (n < most) next = read(last.row);
    yield batch;
  }
}
