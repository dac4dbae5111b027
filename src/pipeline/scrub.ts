/**
 * Takes those who were erased out of the rows of older jobs, in the background and in bounded steps. Each step is one
 * transaction that also says how far it has come, so it may be killed at any instant; one runs at a time over all workers.
 * One walk through an environment serves all erasures that were there when it began. When it is at its end, the erasures
 * themselves are removed: from then on nothing holds the ids.
 */
import type { Entity } from '#job/entity';
import type { Store, Transaction } from '#store/client';
import { type Erasure, findErasures, listErasures } from '#store/erase';
import { readRowTail } from '#store/row-tails';
import {
  beginWalks,
  type ErasureWalk,
  endWalk,
  findScrubbedJob,
  findWalk,
  findWalkedJob,
  goByKey,
  readUnreadRows,
  rewriteJob,
  type ScrubbedJob,
  saveWalk,
  scrubIds,
  scrubRows,
} from '#store/scrub';
import { createRowReader } from './create-row-reader';
import { withoutErased } from './erased-header';
import { ErasureFilter } from './erasure-filter';
import { scrubJobKeys, scrubNames } from './scrub-names';

/** Any number that no one else locks; spells MSTU. */
const SCRUB_LOCK = 0x4d535455;

/** Rows that one statement goes through, and bytes of rows that are read. */
const RANGE_ROWS = 5_000;
const RANGE_BYTES = 2 * 1024 * 1024;

/** How long a step goes on before it commits. */
const STEP_MS = 200;

/**
 * Longer than a statement of the API may take. Who reads rows asks for erasures before and after; so one that is removed
 * has been seen.
 */
const MIN_AGE_MS = 4_000;

/**
 * One step of the walk that has waited longest.
 * @returns whether there is more to do at once
 */
export async function scrubStep(store: Store): Promise<boolean> {
  return store.transaction(async (tx) => {
    const lock = await tx.query<{ granted: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS granted', [
      SCRUB_LOCK,
    ]);
    if (!lock.rows[0]?.granted) return false;
    await goByKey(tx);
    if (!(await beginWalks(tx, MIN_AGE_MS))) return false;
    const walk = await findWalk(tx);
    if (walk === undefined) return false;
    const filters = new WalkFilters(await listErasures(tx, walk.environmentId, walk.throughId));
    if (await advanceWalk(tx, walk, filters)) await saveWalk(tx, walk);
    else {
      await scrubNames(tx, walk.environmentId, filters.erasures);
      await endWalk(tx, walk);
    }
    return true;
  });
}

/** Moves the walk on for a while. Returns false when it is at its end. */
async function advanceWalk(tx: Transaction, walk: ErasureWalk, filters: WalkFilters): Promise<boolean> {
  const endMs = performance.now() + STEP_MS;
  for (let isPast = false; performance.now() < endMs; ) {
    const job = await findWalkedJob(tx, walk, isPast);
    if (job === undefined) return false;
    if (job.id !== walk.jobId) Object.assign(walk, { jobId: job.id, jobOrdinal: job.ordinal, row: 0 });
    const filter = filters.of(job);
    // Committed at once, because slices of the job pass it by while its row is locked.
    if (walk.row === 0 && (await scrubJobRow(tx, job, filter, filters.erasures))) return true;
    while (walk.row < job.totalRows && performance.now() < endMs) {
      walk.row = await scrubRange(tx, job, filter, walk.row);
    }
    isPast = walk.row >= job.totalRows;
  }
  return true;
}

/** The erasures of a walk, as filters for the jobs that each is about. */
class WalkFilters {
  private readonly filters = new Map<string, ErasureFilter>();

  constructor(readonly erasures: readonly Erasure[]) {}

  of({ ordinal, entity }: ScrubbedJob): ErasureFilter {
    const about = this.erasures.filter((one) => one.id > ordinal && isAbout(one, entity));
    // They are in the order of their ids: as many of them are the same ones.
    const key = `${entity} ${about.length}`;
    let filter = this.filters.get(key);
    if (filter === undefined) {
      filter = new ErasureFilter(about, entity);
      this.filters.set(key, filter);
    }
    return filter;
  }
}

function isAbout(erasure: Erasure, entity: Entity): boolean {
  return erasure.entity === entity || erasure.entity === 'user';
}

/**
 * What the job itself says: the name of its file, its header line, and the keys that its warnings are about.
 * @returns whether the job's row was written
 */
async function scrubJobRow(
  tx: Transaction,
  job: ScrubbedJob,
  filter: ErasureFilter,
  erasures: readonly Erasure[],
): Promise<boolean> {
  const about = erasures.filter(({ id }) => id > job.ordinal);
  const told = new ErasureFilter(about, job.entity);
  const filename = told.isTold(job.filename) ? erasedFilename(job.filename) : job.filename;
  const csvHeader = job.csvHeader && withoutErased(job.csvHeader, job.entity, about, job.reading.delimiter);
  const isRewritten = filename !== job.filename || csvHeader !== job.csvHeader;
  if (isRewritten) await rewriteJob(tx, job, { filename, csvHeader });
  const isRid = !filter.isEmpty && (await scrubJobKeys(tx, job.id, erasures));
  return isRewritten || isRid;
}

/** As shown_filename of the migrations names it too. */
function erasedFilename(filename: string): string {
  return `erased${/\.(?:csv|ndjson|jsonl|json|xlsx|txt|gz)$/i.exec(filename)?.[0].toLowerCase() ?? ''}`;
}

/** Scrubs the next rows of a job. Returns the last row that is done. */
async function scrubRange(
  tx: Transaction,
  job: ScrubbedJob,
  filter: ErasureFilter,
  after: number,
): Promise<number> {
  const range = { after, through: after + RANGE_ROWS };
  const ids = filter.erasedIds;
  if (ids.length > 0) await scrubIds(tx, job, range, ids);
  if (filter.isEmpty || !job.hasUnread) return range.through;
  const readRow = createRowReader(job);
  const unread = await readUnreadRows(tx, job, range, RANGE_BYTES);
  const erased: number[] = [];
  let bytes = 0;
  for (const { row, raw } of unread) {
    bytes += raw.length;
    const tail = readRowTail(tx, { environmentId: job.environmentId, jobId: job.id, row });
    if (await filter.isErased(readRow(raw).id, raw, tail)) erased.push(row);
  }
  if (erased.length > 0) await scrubRows(tx, job, erased);
  return bytes < RANGE_BYTES ? range.through : (unread.at(-1)?.row ?? range.through);
}

/**
 * Scrubs one job at once, because its rows are about to be used again.
 * @returns the last erasure that was regarded; 0 = there was none
 */
export async function scrubJob(store: Store, environmentId: number, id: string): Promise<number> {
  const job = await findScrubbedJob(store.pool, environmentId, id);
  if (job === undefined) return 0;
  const erasures = await findErasures(store.pool, job);
  const filter = new ErasureFilter(erasures, job.entity);
  if (filter.isEmpty) return 0;
  for (let row = 0; row < job.totalRows; ) {
    row = await store.transaction(async (tx) => {
      await goByKey(tx);
      if (row === 0) await scrubJobRow(tx, job, filter, erasures);
      return scrubRange(tx, job, filter, row);
    });
  }
  return filter.throughId;
}
