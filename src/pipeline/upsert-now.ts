/**
 * Single calls that upsert at once. What arrives while a statement is on its way goes into the next one, together: a call
 * alone waits for nothing, and thousands share their commits.
 */
import { AppError } from '#errors';
import type { Entity } from '#job/entity';
import { type RowErrorCode, rowError } from '#job/outcome';
import type { Store } from '#store/client';
import { isDataFault } from '#store/faults';
import { type LiveOutcome, type LiveRow, upsertNow } from '#store/upsert-now';

export type { LiveRow };

/** What one call wants to have stored, all of it or nothing. */
export interface LiveCall {
  user?: LiveRow | undefined;
  company?: LiveRow | undefined;
}

/** Rows and bytes of one statement. */
const MAX_CALLS = 500;
const MAX_BYTES = 4 * 1024 * 1024;
/** Statements at a time: while one waits for the disk, the next is on its way. */
const MAX_LANES = 2;

interface Waiting {
  call: LiveCall;
  resolve(outcome: LiveOutcome): void;
  reject(error: unknown): void;
}

export interface LiveUpserter {
  /**
   * Resolves after the commit.
   * @returns what became of the call's user, or of its company when it has no user
   * @throws AppError row_refused when PostgreSQL refuses a value; unauthorized when the key is not valid any more
   */
  upsert(call: LiveCall): Promise<Exclude<LiveOutcome, 'refused' | 'too_large'>>;
}

/** One for each process. */
export function createLiveUpserter(store: Store, maxProfileBytes?: number): LiveUpserter {
  const waiting: Waiting[] = [];
  /** Of the calls that are being written. */
  const inWork = new Set<string>();
  let lanes = 0;

  const drain = async () => {
    if (lanes === MAX_LANES) return;
    lanes++;
    for (;;) {
      const batch = takeBatch(waiting, inWork);
      if (batch.length === 0) break;
      const names = batch.flatMap(({ call }) => namesOf(call));
      for (const name of names) inWork.add(name);
      await apply(store, batch, maxProfileBytes);
      for (const name of names) inWork.delete(name);
    }
    lanes--;
  };
  return {
    async upsert(call) {
      const outcome = await new Promise<LiveOutcome>((resolve, reject) => {
        waiting.push({ call, resolve, reject });
        void drain();
      });
      if (outcome === 'refused') throw new AppError('unauthorized');
      if (outcome === 'too_large') throw rowRefused('metadata_too_large', 'metadata');
      return outcome;
    },
  };
}

/**
 * Calls from the front of the line, up to the first with an id that is in the batch or being written: so calls of one id
 * are applied in their order. Nothing is left behind: whoever writes that id looks into the line again.
 */
function takeBatch(waiting: Waiting[], inWork: ReadonlySet<string>): Waiting[] {
  const taken = new Set<string>();
  let bytes = 0;
  let count = 0;
  for (const { call } of waiting) {
    const names = namesOf(call);
    for (const [, { metadata, memory = '' }] of rowsOf(call)) bytes += metadata.length + memory.length;
    if (count > 0 && (count === MAX_CALLS || bytes > MAX_BYTES)) break;
    if (names.some((name) => taken.has(name) || inWork.has(name))) break;
    for (const name of names) taken.add(name);
    count++;
  }
  return waiting.splice(0, count);
}

function namesOf(call: LiveCall): string[] {
  return rowsOf(call).map(([entity, { environmentId, id }]) => `${entity} ${environmentId} ${id}`);
}

function rowsOf({ user, company }: LiveCall): [Entity, LiveRow][] {
  return [
    ...(company === undefined ? [] : [['company', company] as [Entity, LiveRow]]),
    ...(user === undefined ? [] : [['user', user] as [Entity, LiveRow]]),
  ];
}

/** Never rejects. A value that PostgreSQL refuses is found by trying the calls one by one. */
async function apply(store: Store, batch: readonly Waiting[], maxProfileBytes?: number): Promise<void> {
  try {
    const outcomes = await write(
      store,
      batch.map(({ call }) => call),
      maxProfileBytes,
    );
    for (const [index, { resolve }] of batch.entries()) resolve(outcomes[index] as LiveOutcome);
  } catch (error) {
    const [only] = batch;
    if (error instanceof HalfDoneError) {
      const rest = batch.filter((_, place) => !error.places.has(place));
      for (const [place, { resolve }] of batch.entries()) if (error.places.has(place)) resolve('too_large');
      if (rest.length > 0) await apply(store, rest, maxProfileBytes);
    } else if (batch.length > 1 && isDataFault(error)) {
      for (const one of batch) await apply(store, [one], maxProfileBytes);
    } else if (only !== undefined && isDataFault(error)) {
      only.reject(rowRefused('storage_error', '', error));
    } else {
      for (const { reject } of batch) reject(error);
    }
  }
}

function rowRefused(code: RowErrorCode, path: string, cause?: unknown): AppError {
  return new AppError('row_refused', { rowErrors: [rowError(code, path)], cause });
}

/** Some calls have stored one of their rows, while the other is too large: nothing of this transaction may be committed. */
class HalfDoneError extends Error {
  constructor(readonly places: ReadonlySet<number>) {
    super('calls were done by half');
  }
}

function isHalfDone(call: LiveCall | undefined, outcome: LiveOutcome | undefined): boolean {
  return outcome === 'too_large' && call?.user !== undefined && call.company !== undefined;
}

async function write(
  store: Store,
  calls: readonly LiveCall[],
  maxProfileBytes?: number,
): Promise<LiveOutcome[]> {
  const outcomes: LiveOutcome[] = [];
  await store.transaction(async (tx) => {
    for (const entity of ['company', 'user'] as const) {
      const places = [...calls.keys()].filter((place) => calls[place]?.[entity] !== undefined);
      if (places.length === 0) continue;
      const answers = await upsertNow(
        tx,
        entity,
        places.map((place) => calls[place]?.[entity] as LiveRow),
        maxProfileBytes,
      );
      for (const [index, place] of places.entries()) {
        if (outcomes[place] !== 'too_large') outcomes[place] = answers[index] as LiveOutcome;
      }
    }
    const halves = new Set([...calls.keys()].filter((place) => isHalfDone(calls[place], outcomes[place])));
    if (halves.size > 0) throw new HalfDoneError(halves);
  });
  return outcomes;
}
