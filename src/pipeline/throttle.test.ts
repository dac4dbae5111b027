/** The arithmetic of the throttle, with an injected clock. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { afterSlice, FRESH_PACE, type Pace, settlePace, sliceRows, takeTurn, WINDOW_MS } from './throttle';

interface Commit {
  atMs: number;
  rows: number;
}

/** What can happen to a slice between being due and being committed. */
interface Fate {
  /** The delivery comes this late. */
  lateMs: number;
  /** From the look at the clock to the commit. */
  commitMs: number;
  /** The process dies before it can stamp the commit. */
  crashes: boolean;
}

/** Plays one job as the worker does: look, apply, commit, stamp, come back when due. Returns the real commits. */
function play(rows: number, usersPerMinute: number, fateOf: (slice: number) => Fate): Commit[] {
  const commits: Commit[] = [];
  let pace: Pace = FRESH_PACE;
  let clockMs = 1_000_000;
  let unstamped = false;
  for (let left = rows, slice = 0; left > 0; slice++) {
    const { lateMs, commitMs, crashes } = fateOf(slice);
    clockMs += lateMs;
    const newest = pace.recent.at(-1);
    if (unstamped && newest !== undefined) {
      pace = { ...pace, recent: [...pace.recent.slice(0, -1), { ...newest, atMs: clockMs }] };
    }
    pace = settlePace(pace, clockMs);
    const turn = takeTurn(pace, clockMs, usersPerMinute);
    if (!turn.due) {
      unstamped = false;
      clockMs = Math.max(clockMs, turn.dueAtMs);
      continue;
    }
    const applied = Math.min(turn.rows, left);
    left -= applied;
    pace = afterSlice(pace, clockMs, applied, usersPerMinute);
    clockMs += commitMs;
    commits.push({ atMs: clockMs, rows: applied });
    unstamped = crashes;
    const recent = pace.recent.slice(0, -1);
    const last = pace.recent.at(-1) as Commit;
    if (!crashes) pace = { ...pace, recent: [...recent, { ...last, atMs: clockMs }] };
    clockMs = Math.max(clockMs, pace.nextDueAtMs);
  }
  return commits;
}

/** Most rows in any closed window of 60 s. */
function busiestMinute(commits: readonly Commit[]): number {
  let most = 0;
  let sum = 0;
  let first = 0;
  for (const { atMs, rows } of commits) {
    sum += rows;
    for (
      let oldest = commits[first];
      oldest !== undefined && atMs - oldest.atMs > WINDOW_MS;
      oldest = commits[first]
    ) {
      sum -= oldest.rows;
      first++;
    }
    most = Math.max(most, sum);
  }
  return most;
}

const anyFate: fc.Arbitrary<Fate> = fc.record({
  lateMs: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 80 }) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 3_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 300_000 }) },
  ),
  commitMs: fc.integer({ min: 0, max: 400 }),
  crashes: fc.boolean(),
});

describe('the throttle', () => {
  it('lets 10,000 rows at 1,800 a minute take 333 s within 1 %, with slices as late as they are in practice', () => {
    let seed = 42;
    const random = () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed / 2_147_483_648;
    };
    const commits = play(10_000, 1_800, () => ({
      lateMs: random() < 0.01 ? 500 : random() * 80,
      commitMs: 5 + random() * 15,
      crashes: false,
    }));
    const seconds = ((commits.at(-1)?.atMs ?? 0) - (commits[0]?.atMs ?? 0)) / 1000;
    expect(seconds).toBeGreaterThan(330);
    expect(seconds).toBeLessThan(336.7);
    expect(busiestMinute(commits)).toBeLessThanOrEqual(1_800);
  });

  it('never lets more than the limit be committed within 60 s, however late, slow or crashing the slices are', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.array(anyFate, { minLength: 1, maxLength: 50 }),
        (usersPerMinute, fates) => {
          const rows = Math.min(usersPerMinute * 4, sliceRows(usersPerMinute) * 400);
          const commits = play(rows, usersPerMinute, (slice) => fates[slice % fates.length] as Fate);
          expect(busiestMinute(commits)).toBeLessThanOrEqual(usersPerMinute);
          expect(commits.reduce((sum, commit) => sum + commit.rows, 0)).toBe(rows);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('works smoothly, a second of rows at a time, and one row at a time below 60 a minute', () => {
    expect(sliceRows(1_800)).toBe(30);
    expect(sliceRows(59)).toBe(1);
    expect(sliceRows(1)).toBe(1);
    expect(sliceRows(100_000_000)).toBe(5_000);
    const commits = play(10, 10, () => ({ lateMs: 0, commitMs: 0, crashes: false }));
    const gaps = commits.slice(1).map(({ atMs }, index) => atMs - (commits[index] as Commit).atMs);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(6_000);
  });

  it('does not catch up after an outage, nor after a time with nothing to do', () => {
    const before = afterSlice(FRESH_PACE, 1_000_000, 30, 1_800);
    let pace = settlePace(before, 2_000_000);
    let slices = 0;
    while (takeTurn(pace, 2_000_000, 1_800).due) {
      pace = afterSlice(pace, 2_000_000, 30, 1_800);
      slices++;
    }
    expect(slices).toBe(1);
  });

  it('waits a minute at most when the clock was set back an hour', () => {
    const pace = afterSlice(FRESH_PACE, 5_000_000, 30, 1_800);
    const nowMs = 5_000_000 - 3_600_000;
    const turn = takeTurn(settlePace(pace, nowMs), nowMs, 1_800);
    expect(turn.due ? nowMs : turn.dueAtMs).toBeLessThanOrEqual(nowMs + WINDOW_MS);
  });
});
