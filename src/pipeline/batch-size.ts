/**
 * How many rows a statement is given: as many as fit a batch, until one is slow. Then the next has half as many, down to
 * one, and where statements are quick again they grow little by little. The job keeps the number from slice to slice.
 */
import { countLimitHit } from '#metrics';
import { BATCH_ROWS, SLICE_MS } from './slice';

/** A statement that takes less than this, in milliseconds, may have more rows. */
const QUICK_MS = SLICE_MS / 4;
const GROWTH = 1.5;

export class BatchSize {
  private most: number;

  /** @param kept by the job; null = no bound of its own */
  constructor(kept: number | null) {
    this.most = Math.min(kept ?? BATCH_ROWS, BATCH_ROWS);
  }

  get rows(): number {
    return this.most;
  }

  /** What the job is to keep. */
  get kept(): number | null {
    return this.most < BATCH_ROWS ? this.most : null;
  }

  /**
   * @param given rows that the statement was given
   * @param applied rows that it has applied: fewer when more were too many bytes
   */
  learn(given: number, applied: number, tookMs: number): void {
    if (tookMs > SLICE_MS && applied > 1) {
      countLimitHit('batch_halved');
      this.most = Math.max(1, Math.floor(applied / 2));
    } else if (applied < given) {
      // The rest need not be looked up again and again.
      this.most = Math.min(this.most, 2 * applied);
    } else if (tookMs < QUICK_MS && given >= this.most) {
      this.most = Math.min(BATCH_ROWS, Math.ceil(this.most * GROWTH));
    }
  }
}
