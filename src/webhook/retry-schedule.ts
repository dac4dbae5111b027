/** When a delivery that failed is tried again: soon at first, and for a day. */
const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000];

/** Waits before the second, third, ... attempt; together a day. */
const WAITS_MS = [
  5 * SECOND,
  30 * SECOND,
  2 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  4 * HOUR,
  8 * HOUR,
  8 * HOUR,
];

/** Share of a wait by which it is longer or shorter, so that what failed together does not come again together. */
const JITTER = 0.1;

/**
 * @param attempts that were made
 * @param retryAfterMs what the receiver asks for; counts when it is longer
 * @returns milliseconds; undefined when no attempt is left
 */
export function nextWaitMs(attempts: number, retryAfterMs = 0, random = Math.random()): number | undefined {
  const wait = WAITS_MS[attempts - 1];
  if (wait === undefined) return undefined;
  const spread = wait * (1 + JITTER * (2 * random - 1));
  return Math.round(Math.max(spread, Math.min(retryAfterMs, 24 * HOUR)));
}
