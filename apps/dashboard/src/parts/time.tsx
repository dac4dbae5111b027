/** Times: how long ago, and exactly when on asking. */
import { useEffect, useState } from 'preact/hooks';

const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const EXACT = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium' });
const STEPS = [
  ['second', 60],
  ['minute', 60],
  ['hour', 24],
  ['day', 30],
  ['month', 12],
  ['year', Number.POSITIVE_INFINITY],
] as const;
const REFRESH_MS = 10_000;

export function Time({ at }: { at: string }) {
  const nowMs = useNow(REFRESH_MS);
  return (
    <time dateTime={at} title={EXACT.format(new Date(at))}>
      {relative(Date.parse(at) - nowMs)}
    </time>
  );
}

/** The time of this browser, anew every so often while the page is shown. */
export function useNow(everyMs: number): number {
  const [nowMs, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = window.setInterval(
      () => document.visibilityState === 'visible' && setNow(Date.now()),
      everyMs,
    );
    return () => window.clearInterval(timer);
  }, [everyMs]);
  return nowMs;
}

function relative(differenceMs: number): string {
  let amount = Math.round(differenceMs / 1000);
  // Also when the service's clock is a little ahead of this one.
  if (amount > -60) return 'just now';
  for (const [unit, size] of STEPS) {
    if (Math.abs(amount) < size) return RELATIVE.format(amount, unit);
    amount = Math.round(amount / size);
  }
  return '';
}
