/**
 * Bounds the bytes that uploads in progress hold in memory: rows that are not complete yet, and rows on their way to the
 * database. That is up to a megabyte each as a rule, and two or three when rows are as long as may be or longer.
 */
import { AppError } from '#errors';
import { countLimitHit } from '#metrics';

/** Of the uploads of one environment, and of all. */
const MAX_ENVIRONMENT_BYTES = 64 * 1024 * 1024;
const MAX_PROCESS_BYTES = 160 * 1024 * 1024;
/** What an upload may hold in any case, so that one with rows of common length is never refused for the rows of others. */
const ALWAYS_BYTES = 1.5 * 1024 * 1024;

const RETRY_AFTER_SECONDS = 10;

/** What one upload holds. */
export interface UploadShare {
  /**
   * Says how many bytes the upload holds now.
   * @throws AppError rate_limited when uploads hold too much together and this one wants more
   */
  hold(bytes: number): void;
  /** The upload is over. Repeatable. */
  release(): void;
}

/** One for each process. */
export class UploadMemory {
  private readonly held = new Map<number, number>();
  private total = 0;

  /** @param environmentId whose upload it is */
  begin(environmentId: number): UploadShare {
    let mine = 0;
    const add = (bytes: number) => {
      mine += bytes;
      this.total += bytes;
      const left = (this.held.get(environmentId) ?? 0) + bytes;
      if (left > 0) this.held.set(environmentId, left);
      else this.held.delete(environmentId);
    };
    return {
      hold: (bytes) => {
        if (bytes > mine && bytes > ALWAYS_BYTES) this.requireRoom(environmentId, mine, bytes - mine);
        add(bytes - mine);
      },
      release: () => add(-mine),
    };
  }

  private requireRoom(environmentId: number, mine: number, more: number): void {
    const ofEnvironment = this.held.get(environmentId) ?? 0;
    const isOver =
      (ofEnvironment > mine && ofEnvironment + more > MAX_ENVIRONMENT_BYTES) ||
      (this.total > mine && this.total + more > MAX_PROCESS_BYTES);
    if (!isOver) return;
    countLimitHit('upload_bytes');
    throw new AppError('rate_limited', {
      details: 'Uploads in progress hold too much in memory: rows this long are taken in one after another.',
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    });
  }
}
