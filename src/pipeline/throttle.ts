/**
 * The throttle of an environment, as arithmetic: pure, the clock is an argument.
 *
 * Two rules hold at once. The schedule: slices of about a second's rows, each due at a fixed time after the last, so
 * that a late slice does not make the next one late too. The window: never more rows than the limit within any 60 s,
 * measured by when slices were really committed; a schedule alone would let a late slice and the one 60 later on time
 * put 61 slices into a minute.
 */

/** Milliseconds of the window in which the limit holds. */
export const WINDOW_MS = 60_000;

/** A slice later than this (outage, no worker, nothing to do) does not catch up: the schedule begins anew with it. */
const MAX_CATCH_UP_MS = 2_000;

/** No slice is larger, so that no transaction gets long at very high limits. */
const MAX_SLICE_ROWS = 5_000;

/**
 * Slices closer together than this count as one, at the later time, so that the list stays short; but only up to the
 * rows of half a second, because a chain of them would never leave the window.
 */
const COALESCE_MS = 250;
const COALESCE_PER_MINUTE = 120;

/** What is remembered of an environment. All times in milliseconds of the database's clock. */
export interface Pace {
  nextDueAtMs: number;
  /** Slices of the last minute by the time of their commit, oldest first. */
  recent: readonly { atMs: number; rows: number }[];
}

export type Turn = { due: true; rows: number } | { due: false; dueAtMs: number };

export const FRESH_PACE: Pace = { nextDueAtMs: 0, recent: [] };

/** Rows of a slice at this limit: those of one second, at least one. */
export function sliceRows(usersPerMinute: number): number {
  return Math.min(MAX_SLICE_ROWS, Math.max(1, Math.floor(usersPerMinute / 60)));
}

/**
 * Forgets what is older than the window and repairs times that a clock set back has left in the future: they count
 * from now on.
 */
export function settlePace(pace: Pace, nowMs: number): Pace {
  return {
    nextDueAtMs: Math.min(pace.nextDueAtMs, nowMs + WINDOW_MS),
    recent: pace.recent
      .map(({ atMs, rows }) => ({ atMs: Math.min(atMs, nowMs), rows }))
      .filter(({ atMs }) => atMs >= nowMs - WINDOW_MS),
  };
}

/**
 * The pace after the clock was set forward: what was in the window before counts from then on, because nobody can say
 * how much of the window has really passed. Costs a minute at most; nothing when it is done again.
 */
export function acrossLeap(pace: Pace, { fromMs, toMs }: { fromMs: number; toMs: number }): Pace {
  const wasInWindow = (atMs: number) => atMs >= fromMs - WINDOW_MS && atMs <= fromMs;
  return {
    ...pace,
    recent: pace.recent.map(({ atMs, rows }) => ({ atMs: wasInWindow(atMs) ? toMs : atMs, rows })),
  };
}

/**
 * Whether a slice may run now, and with how many rows; otherwise when to come back.
 * @param pace settled at nowMs
 * @param usersPerMinute above 0
 */
export function takeTurn(pace: Pace, nowMs: number, usersPerMinute: number): Turn {
  if (nowMs < pace.nextDueAtMs) return { due: false, dueAtMs: pace.nextDueAtMs };
  const used = pace.recent.reduce((sum, { rows }) => sum + rows, 0);
  const wanted = Math.min(sliceRows(usersPerMinute), usersPerMinute);
  if (used + wanted <= usersPerMinute) return { due: true, rows: wanted };
  // Come back when enough of the oldest slices have left the window.
  let free = usersPerMinute - used;
  for (const { atMs, rows } of pace.recent) {
    free += rows;
    if (free >= wanted) return { due: false, dueAtMs: atMs + WINDOW_MS + 1 };
  }
  return { due: false, dueAtMs: nowMs + WINDOW_MS };
}

/**
 * The pace after a slice.
 * @param pace settled at nowMs
 * @param rows that the slice really applied
 */
export function afterSlice(pace: Pace, nowMs: number, rows: number, usersPerMinute: number): Pace {
  const scheduled = nowMs - pace.nextDueAtMs <= MAX_CATCH_UP_MS ? pace.nextDueAtMs : nowMs;
  const newest = pace.recent.at(-1);
  const joins =
    newest !== undefined &&
    nowMs - newest.atMs < COALESCE_MS &&
    newest.rows + rows <= usersPerMinute / COALESCE_PER_MINUTE;
  return {
    nextDueAtMs: scheduled + (rows * WINDOW_MS) / usersPerMinute,
    recent: joins
      ? [...pace.recent.slice(0, -1), { atMs: nowMs, rows: newest.rows + rows }]
      : [...pace.recent, { atMs: nowMs, rows }],
  };
}
