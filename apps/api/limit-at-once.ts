/**
 * Bounds what one key, or one socket, has open at the same time, and ends what a key has open when the key is not valid any
 * more.
 */
import type { Response } from 'express';
import { AppError } from '#errors';
import type { Logger } from '#logger';
import { countLimitHit, type Limit } from '#metrics';
import { findInvalidKeys } from '#store/api-keys';
import type { Store } from '#store/client';

/** Far above what a dashboard with several tabs, or a thousand pollers, have open. */
export const MOST_AT_ONCE = {
  requests_per_socket: 64,
  requests_per_key: 2_000,
  streams_per_key: 20,
  events_per_key: 200,
  long_polls_per_key: 1_000,
} as const satisfies Partial<Record<Limit, number>>;

const RETRY_AFTER_SECONDS = 2;

/** Counts answers that are open, by whatever they are counted for. */
export class OpenAnswers<Owner> {
  private readonly counts = new Map<Owner, number>();

  constructor(private readonly limit: keyof typeof MOST_AT_ONCE) {}

  /** Counts the answer until it is out or its client has gone. @throws AppError rate_limited when there are too many */
  add(owner: Owner, res: Response): void {
    const count = this.counts.get(owner) ?? 0;
    const most = MOST_AT_ONCE[this.limit];
    if (count >= most) {
      countLimitHit(this.limit);
      const details = `At most ${most} at the same time.`;
      throw new AppError('rate_limited', { details, retryAfterSeconds: RETRY_AFTER_SECONDS });
    }
    this.counts.set(owner, count + 1);
    res.once('close', () => {
      const left = (this.counts.get(owner) ?? 1) - 1;
      if (left > 0) this.counts.set(owner, left);
      else this.counts.delete(owner);
    });
  }
}

/** Answers that stay open longer than a request usually does. */
export type LongAnswer = 'streams_per_key' | 'events_per_key' | 'long_polls_per_key';

export interface LongAnswers {
  /** Counts an answer for the key that asked. @throws AppError rate_limited */
  add(kind: LongAnswer, keyId: number, res: Response): void;
  close(): void;
}

/** How often the keys of open answers are looked at. */
const CHECK_EVERY_MS = 1_000;

/** Ends answers within two seconds after their key has been revoked, by whichever process. */
export function followKeys(store: Store, logger: Logger): LongAnswers {
  const open = new Map<Response, number>();
  const counters = {
    streams_per_key: new OpenAnswers<number>('streams_per_key'),
    events_per_key: new OpenAnswers<number>('events_per_key'),
    long_polls_per_key: new OpenAnswers<number>('long_polls_per_key'),
  };
  let isChecking = false;
  const check = async () => {
    if (open.size === 0 || isChecking) return;
    isChecking = true;
    try {
      const invalid = new Set(await findInvalidKeys(store.pool, [...new Set(open.values())]));
      for (const [res, keyId] of open) if (invalid.has(keyId)) res.destroy();
    } catch (err) {
      logger.warn({ err }, 'keys of open answers not looked at');
    } finally {
      isChecking = false;
    }
  };
  const timer = setInterval(() => void check(), CHECK_EVERY_MS).unref();
  return {
    add(kind, keyId, res) {
      counters[kind].add(keyId, res);
      open.set(res, keyId);
      res.once('close', () => open.delete(res));
    },
    close() {
      clearInterval(timer);
    },
  };
}
