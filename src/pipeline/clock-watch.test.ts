/** The watch over the database's clock. */
import { describe, expect, it } from '@jest/globals';
import { ClockWatch } from './clock-watch';

/** Looks after each pause, with the clock set by so much in it. */
function watch(...steps: [pauseMs: number, setMs: number][]) {
  let steadyMs = 0;
  let clockMs = 1_000_000;
  const clock = new ClockWatch(() => steadyMs);
  return [[0, 0], ...steps].map(([pauseMs = 0, setMs = 0]) => {
    steadyMs += pauseMs;
    clockMs += pauseMs + setMs;
    return clock.look(clockMs);
  });
}

describe('the watch over the clock', () => {
  it('sees no leap while the clock goes as time does, or is off by less than a second, or is set back', () => {
    expect(watch([1_000, 0], [3_600_000, 900], [10, -900], [500, -3_600_000]).filter(Boolean)).toEqual([]);
  });

  it('sees from when to when the clock was set forward, and remembers it', () => {
    const leap = { fromMs: 1_001_500, toMs: 4_601_500 };
    expect(watch([1_000, 0], [500, 3_600_000], [1_000, 0])).toEqual([undefined, undefined, leap, leap]);
  });
});
