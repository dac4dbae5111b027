/**
 * The set-based upsert: one statement for some hundred rows that inserts, merges, leaves unchanged rows alone and
 * records the outcome of each.
 *
 * End state and outcomes are those of applying the rows one after another, also where an id comes several times. Nothing is
 * locked beforehand: stored rows are read at the statement's snapshot and written only if they are still the version that
 * was read (xmin); otherwise the whole transaction is tried again (LostRaceError). So an unchanged row costs no write and
 * no lock. What is read and written is bounded in bytes, by what is stored as well as by what comes in.
 */
import { ENTITIES } from '#job/entity';
import type { UpsertJob } from '#job/options';
import { noRows, OUTCOMES, type OutcomeCounts, type RowError, rowError } from '#job/outcome';
import type { AcceptedRow } from '#job/row';
import { countLimitHit } from '#metrics';
import type { Transaction } from './client';
import { LostRaceError, violates } from './faults';
import { foldStatement } from './fold-statement';
import { type Ledger, refuseTooLarge } from './refuse-too-large';
import { settleSameRows } from './row-digest';
import { MAX_PROFILE_KEYS, upsertStatement } from './upsert-statement';

/** What bounds the work of one statement, and what it may leave behind. */
export interface UpsertBounds {
  /** Bytes of stored metadata, as JSON text without white space, beyond which nothing may grow. */
  maxProfileBytes: number;
  /** Bytes that are read, and about as many that are written, by one statement. One row is always taken. */
  workBytes: number;
  /** Time limit of a statement on this side, in milliseconds: for a connection that is dead without a word. */
  answerTimeoutMs?: number | undefined;
}

export const DEFAULT_MAX_PROFILE_BYTES = 1024 * 1024;

const UNBOUNDED: UpsertBounds = {
  maxProfileBytes: DEFAULT_MAX_PROFILE_BYTES,
  workBytes: Number.MAX_SAFE_INTEGER,
};

/**
 * In memory a key and its value take nine bytes at least, and a byte of memory is at most six of JSON text (a control
 * character), but for numbers: one of few bytes may have 310 digits. So metadata of this many bytes has less than a
 * thousand keys, and less bytes of text than SAFE_PROFILE_BYTES.
 */
const SAFE_MEMORY_BYTES = 9_000;
const SAFE_PROFILE_BYTES = 6 * SAFE_MEMORY_BYTES + 310 * MAX_PROFILE_KEYS;

/** Bytes in memory of metadata that needs no closer look to be within the limits. */
export function safeBytesOf(maxProfileBytes: number): number {
  return maxProfileBytes >= SAFE_PROFILE_BYTES ? SAFE_MEMORY_BYTES : 0;
}

interface UpsertAnswer extends OutcomeCounts {
  /** Users that had to be written, and that were. */
  wanted: number;
  written: number;
  /** Rows that failed because the metadata would have become too large. */
  tooLarge: number;
  /** Bytes stored under each id, when they were more than the statement may read: then it has done nothing. */
  sizes: number[] | null;
  /** Only of ids that come more than once, when one of their rows would make the metadata too large: the same. */
  ledger?: Ledger | null;
}

/** Rows that were applied, from the first one on. */
export interface Upserted {
  rows: number;
  counts: OutcomeCounts;
}

/**
 * Applies accepted rows in their order, all of them.
 * metadata merge: RFC 7396, keys not sent stay, null removes; replace: the metadata becomes what is sent.
 * A dry run reads the same and writes outcomes only; what it would have stored is kept apart for its later rows.
 * @param rows in row order; ids may come more than once
 * @returns how many rows had which outcome
 * @throws LostRaceError when a stored row changed in between; errors of PostgreSQL when it refuses a value
 */
export async function upsertRows(
  tx: Transaction,
  job: UpsertJob,
  rows: readonly AcceptedRow[],
  bounds: UpsertBounds = UNBOUNDED,
): Promise<OutcomeCounts> {
  const counts = noRows();
  for (let done = 0; done < rows.length; ) {
    const upserted = await upsertSomeRows(tx, job, rows.slice(done), bounds);
    for (const outcome of OUTCOMES) counts[outcome] += upserted.counts[outcome];
    done += upserted.rows;
  }
  return counts;
}

/** The same for as many of the rows as the bounds allow, but one at least. */
export async function upsertSomeRows(
  tx: Transaction,
  job: UpsertJob,
  rows: readonly AcceptedRow[],
  bounds: UpsertBounds,
): Promise<Upserted> {
  if (haveRepeats(rows)) return mergeSomeRows(tx, job, rows, bounds);
  const settled = await settleSameRows(tx, job, rows, bounds.workBytes);
  // Of what was settled the rest is looked into at once: there are results behind it already.
  const merged = await mergeSomeRows(
    tx,
    job,
    settled.others,
    bounds,
    settled.others.length - settled.untried,
  );
  merged.counts.unchanged += settled.rows - settled.others.length;
  const left = settled.others.length - merged.rows;
  return { rows: settled.rows - left, counts: merged.counts };
}

function haveRepeats(rows: readonly AcceptedRow[]): boolean {
  return new Set(rows.map(({ id }) => id)).size < rows.length;
}

/**
 * Looks into the rows and into what is stored.
 * @param least rows that are applied whatever is stored
 */
async function mergeSomeRows(
  tx: Transaction,
  job: UpsertJob,
  rows: readonly AcceptedRow[],
  bounds: UpsertBounds,
  least = 1,
): Promise<Upserted> {
  if (rows.length === 0) return { rows: 0, counts: noRows() };
  const inputBytes = rows.reduce((sum, { json }) => sum + json.length, 0);
  const room = rows.length <= least ? null : Math.max(0, bounds.workBytes - inputBytes);
  const answer = await merge(tx, job, rows, bounds, room);
  if (answer.sizes === null) return { rows: rows.length, counts: outcomesOf(answer) };
  const first = rows.slice(0, Math.max(least, fitting(rows, answer.sizes, bounds.workBytes)));
  return { rows: first.length, counts: outcomesOf(await merge(tx, job, first, bounds, null)) };
}

/** How many of the rows come to no more than these bytes, together with what is stored under their ids; one at least. */
function fitting(rows: readonly AcceptedRow[], sizes: readonly number[], workBytes: number): number {
  const seen = new Set<string>();
  let bytes = 0;
  for (const [index, { id, json }] of rows.entries()) {
    bytes += json.length + (seen.has(id) ? 0 : (sizes[seen.size] ?? 0));
    seen.add(id);
    if (bytes > workBytes && index > 0) return index;
  }
  return rows.length;
}

function outcomesOf({ created, updated, unchanged, failed }: UpsertAnswer): OutcomeCounts {
  return { created, updated, unchanged, failed };
}

/** @param room bytes that may be stored under the ids for anything to be done; null = any */
async function merge(
  tx: Transaction,
  job: UpsertJob,
  rows: readonly AcceptedRow[],
  bounds: UpsertBounds,
  room: number | null,
): Promise<UpsertAnswer> {
  const { entity, metadataMode, existingMode, dryRun } = job;
  const repeats = haveRepeats(rows);
  const { maxProfileBytes, answerTimeoutMs } = bounds;
  const safeBytes = safeBytesOf(maxProfileBytes);
  const errors = JSON.stringify({ mode: [refusal(job)], size: [rowError('metadata_too_large', 'metadata')] });
  const values = [job.environmentId, job.id, writeInput(rows), errors, room, maxProfileBytes, safeBytes];
  const ask = async (refused: number[] | null): Promise<UpsertAnswer> => {
    const query = {
      name: ['upsert', entity, metadataMode, existingMode, dryRun, repeats].join('-'),
      text: repeats ? foldStatement(job) : upsertStatement(job),
      values: repeats ? [...values, refused] : values,
      ...(answerTimeoutMs === undefined ? {} : { query_timeout: answerTimeoutMs }),
    };
    const { rows: answers } = await tx.query<UpsertAnswer>(query).catch((error: unknown) => {
      // Somebody else has stored the id in the meantime. ON CONFLICT would tell too, for a third more of the insert's time.
      throw violates(error, `${ENTITIES[entity].collection}_pkey`) ? new LostRaceError() : error;
    });
    return answers[0] as UpsertAnswer;
  };
  let answer = await ask(null);
  if (answer.ledger) {
    answer = await ask(refuseTooLarge(answer.ledger, { bytes: maxProfileBytes, keys: MAX_PROFILE_KEYS }));
  }
  if (answer.written !== answer.wanted) throw new LostRaceError();
  if (answer.tooLarge > 0) countLimitHit('profile_bytes');
  return answer;
}

/** The error of a row that the mode refuses. */
function refusal({ entity, existingMode }: UpsertJob): RowError {
  const code = existingMode === 'create_only' ? 'already_exists' : 'does_not_exist';
  return rowError(code, ENTITIES[entity].idKey);
}

/**
 * The rows as one JSON array. What the client wrote goes in as text, because a second pass of JSON.stringify would round
 * numbers. The keys are in the order in which jsonb holds them, short ones first: then PostgreSQL need not sort them.
 */
function writeInput(rows: readonly AcceptedRow[]): string {
  const turns = new Map<string, number>();
  const items = rows.map(({ row, id, companyId, json, isWhole, hasNulls, digest }) => {
    const turn = (turns.get(id) ?? 0) + 1;
    turns.set(id, turn);
    const company =
      companyId === undefined ? '' : `,"company_id":${JSON.stringify(companyId)},"sets_company":true`;
    const nulls = hasNulls ? '"nulls":true,' : '';
    const patch = isWhole ? `"whole":${json}` : `"patch":${json}`;
    return `{"id":${JSON.stringify(id)},"row":${row},"turn":${turn},${nulls}${patch},"digest":"${digest}"${company}}`;
  });
  return `[${items.join(',')}]`;
}
