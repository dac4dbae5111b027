/**
 * Single calls that upsert at once. What arrives while a statement is on its way goes into the next one, together: a call
 * alone waits for nothing, and thousands share their commits.
 */
import { AppError } from '#errors';
import type { Entity } from '#job/entity';
import { rowError } from '#job/outcome';
import type { Store } from '#store/client';
import { isDataFault } from '#store/faults';
import { type LiveOutcome, type LiveRow, upsertNow } from '#store/upsert-now';

/** What one call wants to have stored, all of it or nothing. */
export interface LiveCall {
  user?: LiveRow | undefined;
  company?: LiveRow | undefined;
}

/** Rows and bytes of one statement. */
const MAX_CALLS = 500;
const MAX_BYTES = 4 * 1024 * 1024;

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
  upsert(call: LiveCall): Promise<Exclude<LiveOutcome, 'refused'>>;
}

/** One for each process. */
export function createLiveUpserter(store: Store): LiveUpserter {
  const waiting: Waiting[] = [];
  let isBusy = false;

  const drain = async () => {
    if (isBusy) return;
    isBusy = true;
    while (waiting.length > 0) await apply(store, takeBatch(waiting));
    isBusy = false;
  };
  return {
    async upsert(call) {
      const outcome = await new Promise<LiveOutcome>((resolve, reject) => {
        waiting.push({ call, resolve, reject });
        void drain();
      });
      if (outcome === 'refused') throw new AppError('unauthorized');
      return outcome;
    },
  };
}

/** Calls from the front of the line, up to the first that would meet an id of its own again. */
function takeBatch(waiting: Waiting[]): Waiting[] {
  const seen = new Set<string>();
  let bytes = 0;
  let count = 0;
  for (const { call } of waiting) {
    const ids = rowsOf(call).map(([entity, { environmentId, id }]) => `${entity} ${environmentId} ${id}`);
    bytes += rowsOf(call).reduce((sum, [, row]) => sum + row.metadata.length + (row.memory?.length ?? 0), 0);
    if (count > 0 && (count === MAX_CALLS || bytes > MAX_BYTES || ids.some((id) => seen.has(id)))) break;
    for (const id of ids) seen.add(id);
    count++;
  }
  return waiting.splice(0, count);
}

function rowsOf({ user, company }: LiveCall): [Entity, LiveRow][] {
  return [
    ...(company === undefined ? [] : [['company', company] as [Entity, LiveRow]]),
    ...(user === undefined ? [] : [['user', user] as [Entity, LiveRow]]),
  ];
}

/** Never rejects. A value that PostgreSQL refuses is found by trying the calls one by one. */
async function apply(store: Store, batch: readonly Waiting[]): Promise<void> {
  try {
    const outcomes = await write(
      store,
      batch.map(({ call }) => call),
    );
    for (const [index, { resolve }] of batch.entries()) resolve(outcomes[index] as LiveOutcome);
  } catch (error) {
    const [only] = batch;
    if (batch.length > 1 && isDataFault(error)) {
      for (const one of batch) await apply(store, [one]);
    } else if (only !== undefined && isDataFault(error)) {
      only.reject(new AppError('row_refused', { rowErrors: [rowError('storage_error')], cause: error }));
    } else {
      for (const { reject } of batch) reject(error);
    }
  }
}

async function write(store: Store, calls: readonly LiveCall[]): Promise<LiveOutcome[]> {
  const outcomes: LiveOutcome[] = [];
  await store.transaction(async (tx) => {
    for (const entity of ['company', 'user'] as const) {
      const places = [...calls.keys()].filter((place) => calls[place]?.[entity] !== undefined);
      if (places.length === 0) continue;
      const answers = await upsertNow(
        tx,
        entity,
        places.map((place) => calls[place]?.[entity] as LiveRow),
      );
      for (const [index, place] of places.entries()) outcomes[place] = answers[index] as LiveOutcome;
    }
  });
  return outcomes;
}
