/**
 * What must be true of users: the order in which their writes were committed is one that the history allows, no definite
 * write is missing, none is there twice, and what is stored is what the last ones have left.
 */
import type { Report } from './check-jobs';
import type { FinalState, Value } from './history';
import { isBefore, touches, valueAfter, type Write } from './writes';

export function checkUsers(writes: readonly Write[], state: FinalState, report: Report): void {
  const byUser = groupBy(writes, ({ id }) => id);
  const commits = groupBy(state.commits, ({ id }) => id);
  const users = new Map(state.users.map(({ id, values }) => [id, values]));
  for (const id of new Set([...byUser.keys(), ...commits.keys(), ...users.keys()])) {
    const mine = byUser.get(id) ?? [];
    checkCommits(
      id,
      mine,
      (commits.get(id) ?? []).map(({ w }) => w),
      report,
    );
    checkFinal(id, mine, users.get(id), report);
    checkCreated(id, mine, report);
  }
}

function groupBy<T>(all: readonly T[], keyOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const group = groups.get(keyOf(one));
    if (group === undefined) groups.set(keyOf(one), [one]);
    else group.push(one);
  }
  return groups;
}

/**
 * The committed writes are known, each came once for each job that has the row, and none after one that had begun when it
 * was over.
 */
function checkCommits(id: string, writes: readonly Write[], commits: readonly Value[], report: Report): void {
  // Several when a job was retried twice: both retries write the row.
  const byW = groupBy(
    writes.filter(({ w }) => w !== null),
    ({ w }) => String(w),
  );
  const committed: Write[][] = [];
  const seen = new Map<Value, number>();
  for (const w of commits) {
    if (w === null) continue;
    const those = byW.get(String(w)) ?? [];
    const times = (seen.get(w) ?? 0) + 1;
    seen.set(w, times);
    if (those.length === 0) {
      report('unexpected', `A write that nobody has made or that has no result: w = ${w}.`, id);
    } else if (times > those.length) report('doubled', `Committed ${times} times: ${those[0]?.name}.`, id);
    else committed.push(those);
  }
  for (const [index, later] of committed.entries()) {
    const isOver = (other: Write[]) => later.every((one) => other.every((two) => isBefore(one, two)));
    const earlier = committed.slice(0, index).find(isOver);
    if (earlier !== undefined) {
      report('stale', `${later[0]?.name} was committed after ${earlier[0]?.name}.`, id);
    }
  }
  for (const write of [...byW.values()].flat()) {
    if (write.isDefinite && !seen.has(write.w) && !isFolded(write, writes)) {
      report('lost', `Never committed: ${write.name}.`, id);
    }
  }
}

/** Rows of one user within a job may be committed together, as what they come to. */
function isFolded({ row }: Write, writes: readonly Write[]): boolean {
  return writes.some((other) => row?.jobId === other.row?.jobId && (row?.line ?? 0) < (other.row?.line ?? 0));
}

/** Each key has the value of a write that may be the last one, and all keys that the last write has set have its values. */
function checkFinal(
  id: string,
  writes: readonly Write[],
  stored: Readonly<Record<string, number>> | undefined,
  report: Report,
): void {
  const isPossible = (key: string, isThat: (write: Write) => boolean, initially: boolean) => {
    const all = writes.filter((write) => touches(write, key));
    const definite = all.filter(({ isDefinite }) => isDefinite);
    const mayBeLast = (write: Write) => !definite.some((other) => isBefore(write, other));
    return (initially && definite.length === 0) || all.some((write) => isThat(write) && mayBeLast(write));
  };
  if (stored === undefined) {
    if (!isPossible('w', ({ w }) => w === null, true)) report('lost', 'The user is not there.', id);
    return;
  }
  if (!isPossible('w', ({ w }) => w !== null, false)) {
    const isErased = writes.some(({ w, isDefinite }) => w === null && isDefinite);
    report(isErased ? 'erased user back' : 'unexpected', 'The user is there.', id);
    return;
  }
  const keys = new Set(['w', ...Object.keys(stored), ...writes.flatMap(({ set }) => Object.keys(set))]);
  for (const key of keys) {
    const value = stored[key] ?? null;
    if (isPossible(key, (write) => valueAfter(write, key) === value, value === null)) continue;
    const known = writes.some((write) => touches(write, key) && valueAfter(write, key) === value);
    report(
      known ? 'stale' : 'unexpected',
      `${key} is ${value}, which no write that may be the last one has left.`,
      id,
    );
  }
  // Of the last write; of a row that two retries have written both say the same.
  const last = writes.find(({ w }) => w === stored.w);
  for (const [key, value] of Object.entries(last?.set ?? {})) {
    if ((stored[key] ?? null) !== value) {
      report(
        'stale',
        `${key} is ${stored[key] ?? null}, where ${last?.name}, the last write, has set ${value}.`,
        id,
      );
    }
  }
}

/** A user is created once, and once more after each erasure that may have happened. */
function checkCreated(id: string, writes: readonly Write[], report: Report): void {
  const created = writes.filter(({ isCreation }) => isCreation).length;
  const erasures = writes.filter(({ w }) => w === null).length;
  if (created > 1 + erasures)
    report('doubled', `Created ${created} times, erased ${erasures} times at most.`, id);
}
