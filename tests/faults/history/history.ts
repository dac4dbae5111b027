/**
 * The history of a fault run: each call of each client with its answer, one JSON object a line, in the order of completion.
 * Together with the final state it is all that the checker reads.
 */
import { appendFileSync, readFileSync } from 'node:fs';

/** What a write makes of a key; null: the key is not there afterwards. */
export type Value = number | null;

/** A row of an import: the line of its file is its place in the list, from 1 on. */
export interface HistoryRow {
  /** Null for a row that validation refuses. */
  id: string | null;
  /** What it sets, by key; `w` tells the write from all others. */
  set: Record<string, Value>;
}

export type Operation =
  | { operation: 'import'; arguments: { file: string; replace: boolean; rows: readonly HistoryRow[] } }
  | { operation: 'identify'; arguments: { id: string; set: Record<string, Value> } }
  | { operation: 'erase'; arguments: { ids: readonly string[] } }
  | { operation: 'cancel'; arguments: { jobId: string } }
  | { operation: 'retry'; arguments: { jobId: string } }
  | { operation: 'job'; arguments: { jobId: string } };

/** What the client was told; `unknown`: no answer, or one that does not say what happened (status 500 and above). */
export type CallAnswer =
  | 'unknown'
  | {
      status: number;
      /** Code of a refusal. */
      code?: string | undefined;
      jobId?: string | undefined;
      /** Of an identify. */
      outcome?: string | undefined;
      /** Of a job that was looked at. */
      completedRows?: number | undefined;
    };

export type Call = Operation & {
  environment: string;
  client: string;
  /** Milliseconds since 1970, with fractions. */
  invokedAt: number;
  completedAt: number;
  answer: CallAnswer;
};

/** A job at the end, as the API shows it, with its results. */
export interface FinalJob {
  environment: string;
  jobId: string;
  parentJobId: string | null;
  file: string;
  status: string;
  errorCode: string | null;
  startedAt: number;
  endedAt: number | null;
  totalRows: number;
  completedRows: number;
  counts: Record<'created' | 'updated' | 'unchanged' | 'failed', number>;
  results: readonly { line: number; id: string | null; outcome: string; erased: boolean }[];
}

/** What is stored, and what was written on the way there. */
export interface FinalState {
  jobs: readonly FinalJob[];
  users: readonly { environment: string; id: string; values: Record<string, number> }[];
  /**
   * Commits of writes, in their order for each user: the `w` that the user had afterwards; null: the user was removed.
   */
  commits: readonly { environment: string; id: string; w: Value }[];
}

/** Milliseconds since 1970, with fractions. */
export const nowMs = (): number => performance.timeOrigin + performance.now();

/** Appends a call to the file. Written at once, so that a run that is killed has its history too. */
export function appendCall(file: string, call: Call): void {
  appendFileSync(file, `${JSON.stringify(call)}\n`);
}

export function readCalls(file: string): Call[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Call);
}

export function readState(file: string): FinalState {
  return JSON.parse(readFileSync(file, 'utf8')) as FinalState;
}
