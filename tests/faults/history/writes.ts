/**
 * The writes that a history and its final state speak of, and which of two came first. A write is one row of an import, a
 * single call or an erasure. It takes effect at one instant between its start and its end.
 */
import type { Call, FinalJob, Value } from './history';

export interface Write {
  /** For a report. */
  name: string;
  id: string;
  /** Null for an erasure. */
  w: Value;
  set: Readonly<Record<string, Value>>;
  /** What becomes of keys that are not in `set`: they stay, or they are removed. */
  others: 'stay' | 'removed';
  start: number;
  end: number;
  /** It was answered, or has the result, that the user was created by it. */
  isCreation: boolean;
  /** It has taken effect. Otherwise it may have, or not. */
  isDefinite: boolean;
  /** Of a row: its job, its line, and when the import that it was sent with had been accepted at the latest. */
  row?: { jobId: string; line: number; acceptedAt: number };
}

/** Times of the database are rounded to milliseconds. */
const CLOCK_MARGIN_MS = 5;

/** Whether one write is known to have taken effect before the other one. */
export function isBefore(one: Write, other: Write): boolean {
  if (one.row !== undefined && one.row.jobId === other.row?.jobId) return one.row.line < other.row.line;
  // An erasure is about all rows that were accepted before, whenever their turn comes: they are applied before it or never.
  if (one.row !== undefined && other.w === null && one.row.acceptedAt < other.start) return true;
  return one.end < other.start;
}

/** Whether the write says what the key is afterwards. */
export const touches = (write: Write, key: string): boolean => write.others === 'removed' || key in write.set;

export const valueAfter = (write: Write, key: string): Value => write.set[key] ?? null;

/** Writes of single calls and erasures. */
export function callWrites(calls: readonly Call[]): Write[] {
  const writes: Write[] = [];
  for (const call of calls) {
    const { answer, client, invokedAt: start } = call;
    if (answer !== 'unknown' && answer.status !== 202) continue;
    const isDefinite = answer !== 'unknown';
    const end = isDefinite ? call.completedAt : Number.POSITIVE_INFINITY;
    if (call.operation === 'identify') {
      const { id, set } = call.arguments;
      const name = `identify by ${client}`;
      const isCreation = answer !== 'unknown' && answer.outcome === 'created';
      writes.push({ name, id, w: set.w ?? null, set, others: 'stay', start, end, isCreation, isDefinite });
    } else if (call.operation === 'erase') {
      for (const id of call.arguments.ids) {
        const name = `erase by ${client}`;
        const gone = { w: null, set: {}, others: 'removed', isCreation: false } as const;
        writes.push({ name, id, ...gone, start, end, isDefinite });
      }
    }
  }
  return writes;
}

/** The tries of one import: the same file sent until there was an answer. */
export interface ImportAttempts {
  calls: readonly (Call & { operation: 'import' })[];
  /** When it had been accepted at the latest; infinite when nobody was told so. */
  acceptedAt: number;
  jobIds: ReadonlySet<string>;
  /** Nobody knows whether it was accepted. */
  isUnknown: boolean;
}

export function groupImports(calls: readonly Call[]): Map<string, ImportAttempts> {
  const groups = new Map<string, (Call & { operation: 'import' })[]>();
  for (const call of calls) {
    if (call.operation !== 'import') continue;
    const { file } = call.arguments;
    groups.set(file, [...(groups.get(file) ?? []), call]);
  }
  return new Map([...groups].map(([file, attempts]) => [file, summarize(attempts)]));
}

function summarize(calls: readonly (Call & { operation: 'import' })[]): ImportAttempts {
  let acceptedAt = Number.POSITIVE_INFINITY;
  const jobIds = new Set<string>();
  for (const { answer, completedAt } of calls) {
    if (answer === 'unknown' || answer.status !== 202) continue;
    acceptedAt = Math.min(acceptedAt, completedAt);
    jobIds.add(answer.jobId ?? '');
  }
  const isUnknown = jobIds.size === 0 && calls.some(({ answer }) => answer === 'unknown');
  return { calls, acceptedAt, jobIds, isUnknown };
}

/** Outcomes of rows that were written. */
export const WRITTEN = ['created', 'updated', 'unchanged'];

/** Writes of a job's rows, as its results have them. */
export function jobWrites(job: FinalJob, attempts: ImportAttempts): Write[] {
  const [first] = attempts.calls;
  if (first === undefined) return [];
  const { rows, replace } = first.arguments;
  const writes: Write[] = [];
  for (const { line, outcome, erased } of job.results) {
    const row = rows[line - 1];
    if (row?.id == null || (!erased && !WRITTEN.includes(outcome))) continue;
    writes.push({
      name: `line ${line} of ${job.file}, job ${job.jobId}`,
      id: row.id,
      w: row.set.w ?? null,
      set: row.set,
      others: replace ? 'removed' : 'stay',
      start: Math.max(first.invokedAt, job.startedAt - CLOCK_MARGIN_MS),
      end: (job.endedAt ?? Number.POSITIVE_INFINITY) + CLOCK_MARGIN_MS,
      isCreation: outcome === 'created',
      isDefinite: !erased,
      row: { jobId: job.jobId, line, acceptedAt: attempts.acceptedAt },
    });
  }
  return writes;
}
