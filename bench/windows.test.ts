/** The arithmetic that decides whether the throttle keeps its promise. */
import { describe, expect, it } from '@jest/globals';
import { fewestFromCommit, fewestInWindow, mostInWindow } from './windows';

/** 30 rows every `everyMs`, 120 times. */
function pace(everyMs: number) {
  return Array.from({ length: 120 }, (_, n) => ({ atMs: n * everyMs, rows: 30 }));
}

describe('rows within a minute', () => {
  it('counts a perfect pace as exactly the limit', () => {
    expect(mostInWindow(pace(1000), 60_000)).toBe(1800);
    expect(fewestFromCommit(pace(1000), 60_000)).toBe(1800);
    expect(fewestInWindow(pace(1000), 60_000)).toBe(1800);
  });

  it('sees one slice too many when the pace is a little too fast', () => {
    expect(mostInWindow(pace(999), 60_000)).toBe(1830);
  });

  it('sees one slice too few just after a commit when the pace is a little too slow', () => {
    expect(mostInWindow(pace(1001), 60_000)).toBe(1800);
    expect(fewestFromCommit(pace(1001), 60_000)).toBe(1800);
    expect(fewestInWindow(pace(1001), 60_000)).toBe(1770);
  });

  it('knows no full window when all is over within one', () => {
    expect(fewestFromCommit(pace(100), 60_000)).toBeUndefined();
    expect(mostInWindow(pace(100), 60_000)).toBe(3600);
  });
});
