/**
 * Notices when the database's clock is set forward. The throttle's window is measured by that clock: an hour set forward
 * would seem to have emptied it. A process can tell, because its own clock counts seconds and is never set.
 */

/** The clock went from one time to another without the time in between having passed. In milliseconds. */
export interface ClockLeap {
  fromMs: number;
  toMs: number;
}

/** Two clocks never agree exactly; and what is less does no harm. */
const TOLERANCE_MS = 1_000;

export class ClockWatch {
  private last: { clockMs: number; steadyMs: number } | undefined;
  private leap: ClockLeap | undefined;

  /** @param steadyMs milliseconds of a clock that is never set */
  constructor(private readonly steadyMs: () => number = () => performance.now()) {}

  /**
   * To be told each time that the database's clock is read.
   * @returns the newest leap that was noticed, however long ago
   */
  look(clockMs: number): ClockLeap | undefined {
    const steadyMs = this.steadyMs();
    if (this.last !== undefined) {
      const expectedMs = this.last.clockMs + (steadyMs - this.last.steadyMs);
      if (clockMs - expectedMs > TOLERANCE_MS) this.leap = { fromMs: expectedMs, toMs: clockMs };
    }
    this.last = { clockMs, steadyMs };
    return this.leap;
  }
}
