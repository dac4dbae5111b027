/** The arithmetic of the throttle, with an injected clock. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { afterSlice, FRESH_PACE, type Pace, settlePace, sliceRows, takeTurn, WINDOW_MS } from './throttle';

/** A commit by the time that really passes, whatever the database's clock says. */
interface Commit {
  atMs: number;
  rows: number;
  /** Limit in force. */
  limit: number;
  /** Times that the clock was set forward until then. */
  leaps: number;
}

/** What can happen to a slice between being due and being stamped. */
interface Fate {
  /** The delivery comes this late. */
  lateMs?: number;
  /** From the look at the clock to the commit. */
  commitMs?: number;
  /** From the commit to the stamp. */
  stampMs?: number;
  /** The process dies: before the commit nothing has happened, after it the stamp is missing. */
  dies?: 'no' | 'before commit' | 'before stamp';
  /** The database's clock is set forward, or back when negative, before the look. */
  clockMs?: number;
  /** A new limit from now on. */
  limit?: number;
}

/** Plays one job as run-import, upsert and paces do: look, apply, commit, stamp, come back when due. */
function play(rows: number, firstLimit: number, fateOf: (look: number) => Fate): Commit[] {
  const commits: Commit[] = [];
  let pace: Pace = FRESH_PACE;
  let unstamped = false;
  let realMs = 0;
  let offsetMs = 1_000_000_000;
  let limit = firstLimit;
  let leaps = 0;
  const restamp = (atMs: number) => {
    const newest = pace.recent.at(-1);
    if (newest !== undefined) pace = { ...pace, recent: [...pace.recent.slice(0, -1), { ...newest, atMs }] };
  };
  for (let left = rows, look = 0; left > 0; look++) {
    if (look > 100_000) throw new Error('the job does not come to its end');
    const { lateMs = 0, commitMs = 0, stampMs = 0, dies = 'no', clockMs = 0, ...changes } = fateOf(look);
    realMs += lateMs;
    offsetMs += clockMs;
    if (clockMs > 0) leaps++;
    limit = changes.limit ?? limit;
    const nowMs = realMs + offsetMs;
    if (dies === 'before commit') continue;
    if (unstamped) restamp(nowMs);
    pace = settlePace(pace, nowMs);
    const turn = takeTurn(pace, nowMs, limit);
    if (!turn.due) {
      unstamped = false;
      expect(turn.dueAtMs).toBeGreaterThan(nowMs);
      expect(turn.dueAtMs).toBeLessThanOrEqual(nowMs + WINDOW_MS + 1);
      realMs += turn.dueAtMs - nowMs;
      continue;
    }
    const applied = Math.min(turn.rows, left);
    left -= applied;
    pace = afterSlice(pace, nowMs, applied, limit);
    realMs += commitMs;
    commits.push({ atMs: realMs, rows: applied, limit, leaps });
    unstamped = dies === 'before stamp';
    realMs += stampMs;
    if (!unstamped) restamp(realMs + offsetMs);
    realMs += Math.max(0, pace.nextDueAtMs - nowMs);
  }
  return commits;
}

/**
 * The most that a minute ending with a commit has above the limit in force at that commit, in rows; `perLeap` slices are
 * allowed for each time that the clock was set forward within it.
 */
function mostAboveLimit(commits: readonly Commit[], perLeap = 0): number {
  let most = Number.NEGATIVE_INFINITY;
  let sum = 0;
  let first = 0;
  for (const { atMs, rows, limit, leaps } of commits) {
    sum += rows;
    let oldest = commits[first] as Commit;
    while (atMs - oldest.atMs > WINDOW_MS) {
      sum -= oldest.rows;
      oldest = commits[++first] as Commit;
    }
    most = Math.max(most, sum - limit - (leaps - oldest.leaps) * perLeap * sliceRows(limit));
  }
  return most;
}

function seconds(commits: readonly Commit[]): number {
  return ((commits.at(-1)?.atMs ?? 0) - (commits[0]?.atMs ?? 0)) / 1000;
}

/** The same numbers from 0 to 1 every time. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

const limits = fc.oneof(
  fc.integer({ min: 1, max: 100 }),
  fc.integer({ min: 1, max: 100_000 }),
  fc.constantFrom(59, 60, 61, 1_800, 6_000),
);
const accidents = {
  lateMs: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 80 }) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 3_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 300_000 }) },
  ),
  commitMs: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 2_000 })),
  stampMs: fc.oneof(fc.constant(2), fc.integer({ min: 0, max: 500 })),
  dies: fc.constantFrom<Fate['dies']>('no', 'no', 'no', 'before commit', 'before stamp'),
};
const setBack = fc.oneof(
  { weight: 10, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: -10_000, max: 0 }) },
  { weight: 1, arbitrary: fc.integer({ min: -7_200_000, max: 0 }) },
);
const setForward = fc.oneof(
  { weight: 20, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: -10_000, max: 5_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: -3_600_000, max: 7_200_000 }) },
);
const fates = (fate: fc.Arbitrary<Fate>) => fc.array(fate, { minLength: 1, maxLength: 60 });
const rowsOfSomeMinutes = (limit: number) => Math.min(limit * 4, sliceRows(limit) * 400);

describe('no minute has more rows than the limit', () => {
  it('however late or slow the slices are, whoever dies, and when the clock is set back', () => {
    fc.assert(
      fc.property(limits, fates(fc.record({ ...accidents, clockMs: setBack })), (limit, list) => {
        // The clock is set once for each fate; afterwards the fates come again without that.
        const commits = play(rowsOfSomeMinutes(limit), limit, (look) => ({
          ...(list[look % list.length] as Fate),
          ...(look < list.length ? {} : { clockMs: 0, dies: 'no' }),
        }));
        expect(mostAboveLimit(commits)).toBeLessThanOrEqual(0);
        expect(commits.reduce((sum, { rows }) => sum + rows, 0)).toBe(rowsOfSomeMinutes(limit));
      }),
      { numRuns: 400 },
    );
  });

  it('in force when its last slice ran, when the limit is changed in between', () => {
    const changing = fates(
      fc.record({ ...accidents, limit: limits }, { requiredKeys: ['lateMs', 'commitMs'] }),
    );
    fc.assert(
      fc.property(limits, changing, fc.integer({ min: 1, max: 2_000 }), (limit, list, rows) => {
        const commits = play(rows, limit, (look) => ({ ...list[look % list.length], dies: 'no' }));
        expect(mostAboveLimit(commits)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 200 },
    );
  });

  it('but for five slices at most each time the clock is set forward, because it is all there is to measure by', () => {
    fc.assert(
      fc.property(limits, fates(fc.record({ ...accidents, clockMs: setForward })), (limit, list) => {
        const commits = play(rowsOfSomeMinutes(limit), limit, (look) => ({
          ...(list[look % list.length] as Fate),
          ...(look < list.length ? {} : { clockMs: 0, dies: 'no' }),
        }));
        expect(mostAboveLimit(commits, 5)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 400 },
    );
  });
});

describe('the rate', () => {
  it('lets 10,000 rows at 1,800 a minute take 333 s within 1 %, with slices as late as they are in practice', () => {
    const random = randomNumbers(42);
    const commits = play(10_000, 1_800, () => ({
      lateMs: random() < 0.02 ? 500 : random() * 80,
      commitMs: 5 + random() * 15,
      stampMs: 2,
    }));
    expect(seconds(commits)).toBeGreaterThan(330);
    expect(seconds(commits)).toBeLessThan(336.7);
    expect(mostAboveLimit(commits)).toBeLessThanOrEqual(0);
  });

  it.each([60, 1_800, 30_000, 100_000, 1_500_000, 6_000_000])(
    'at %d a minute is at least 99 % of it when nothing comes late',
    (limit) => {
      const commits = play(limit * 3, limit, () => ({ commitMs: 5 }));
      expect(seconds(commits)).toBeLessThan(180 / 0.99);
      expect(mostAboveLimit(commits)).toBeLessThanOrEqual(0);
    },
  );

  it.each([100, 300, 600, 800, 950])(
    'loses to commits of %d ms no more than their own time a minute',
    (commitMs) => {
      const commits = play(9_000, 1_800, () => ({ commitMs }));
      expect(mostAboveLimit(commits)).toBeLessThanOrEqual(0);
      expect(seconds(commits)).toBeLessThan(300 + (300 / 60) * (commitMs / 1000) * 2 + 3);
    },
  );

  it('is smooth: a second of rows at a time, and one row at a time below 60 a minute', () => {
    expect([1, 59, 60, 1_800, 100_000_000].map(sliceRows)).toEqual([1, 1, 1, 30, 5_000]);
    for (const [limit, gapMs] of [
      [1, 60_000],
      [7, 8_571],
      [10, 6_000],
      [59, 1_016],
    ] as const) {
      const commits = play(12, limit, () => ({}));
      const gaps = commits.slice(1).map(({ atMs }, index) => atMs - (commits[index] as Commit).atMs);
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(gapMs);
      expect(Math.max(...gaps)).toBeLessThan(gapMs + 10);
    }
  });

  it('does not catch up after an outage, nor after a time with nothing to do', () => {
    let pace = settlePace(afterSlice(FRESH_PACE, 1_000_000, 30, 1_800), 2_000_000);
    let slices = 0;
    while (takeTurn(pace, 2_000_000, 1_800).due) {
      pace = afterSlice(pace, 2_000_000, 30, 1_800);
      slices++;
    }
    expect(slices).toBe(1);
  });

  it('catches up two seconds at most of a late slice', () => {
    const commits = play(3_000, 1_800, (look) => ({ lateMs: look === 20 ? 1_900 : 0 }));
    const late = commits.findIndex(({ atMs }, index) => atMs - (commits[index - 1]?.atMs ?? atMs) > 2_000);
    const after = commits.slice(late).filter(({ atMs }) => atMs < (commits[late] as Commit).atMs + 900);
    expect(after.length).toBeGreaterThan(1);
    expect(after.length).toBeLessThanOrEqual(3);
    expect(seconds(commits)).toBeLessThan(102);
  });

  it.each([-1_000, -60_000, -3_600_000, -86_400_000])(
    'loses a minute at most when the clock is set %d ms',
    (clockMs) => {
      const commits = play(3_000, 1_800, (look) => (look === 50 ? { clockMs } : {}));
      expect(seconds(commits)).toBeLessThan(100 + 61);
      expect(mostAboveLimit(commits)).toBeLessThanOrEqual(0);
    },
  );
});

describe('what is remembered', () => {
  it('stays short at any limit', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000_000 }),
        fc.integer({ min: 0, max: 900 }),
        (limit, gapMs) => {
          let pace: Pace = FRESH_PACE;
          for (let n = 0, nowMs = 1_000_000; n < 1_000; n++, nowMs += gapMs) {
            pace = settlePace(pace, nowMs);
            if (takeTurn(pace, nowMs, limit).due) pace = afterSlice(pace, nowMs, 1, limit);
          }
          expect(pace.recent.length).toBeLessThanOrEqual(500);
        },
      ),
    );
  });
});
