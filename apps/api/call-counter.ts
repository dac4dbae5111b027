/**
 * Counts the calls of keys over all API processes. While one statement is on its way, the calls that come meanwhile wait for
 * the next one, which counts them all: so the limit is exact and costs the database the less a call the more of them there
 * are. A key that is over its limit is refused without asking until its minute ends.
 */
import type { Store as CallStore, ClientRateLimitInfo } from 'express-rate-limit';
import { type CountedCalls, countCalls } from '#store/call-counts';
import type { Queryable } from '#store/client';

interface Waiting {
  keyId: number;
  resolve(counted: ClientRateLimitInfo): void;
  reject(error: unknown): void;
}

/** Keys over their limit that are remembered before the outdated ones are forgotten. */
const MAX_REMEMBERED = 1_000;

export class CallCounter implements CallStore {
  /** The keys are the same for all instances. */
  readonly localKeys = false;
  private waiting: Waiting[] = [];
  private isCounting = false;
  /** Keys over the limit, with the end of their minute by performance.now(). */
  private readonly exhausted = new Map<number, number>();

  /** @param limit calls of a key in a minute */
  constructor(
    private readonly db: Queryable,
    private readonly limit: number,
  ) {}

  /** Counts one call. @throws what the database throws */
  async increment(key: string): Promise<ClientRateLimitInfo> {
    const keyId = Number(key);
    const msLeft = (this.exhausted.get(keyId) ?? 0) - performance.now();
    if (msLeft > 0) return { totalHits: this.limit + 1, resetTime: inMs(msLeft) };
    return new Promise((resolve, reject) => {
      this.waiting.push({ keyId, resolve, reject });
      if (!this.isCounting) void this.countAll();
    });
  }

  /** Nothing is taken back: a call counts whatever becomes of it. */
  decrement(): void {}

  /** Nobody asks for it. */
  resetKey(): void {}

  private async countAll(): Promise<void> {
    this.isCounting = true;
    while (this.waiting.length > 0) {
      const byKey = groupByKey(this.waiting.splice(0));
      const added = [...byKey].map(([keyId, calls]) => ({ keyId, calls: calls.length }));
      try {
        const counted = new Map((await countCalls(this.db, added)).map((one) => [one.keyId, one]));
        for (const [keyId, calls] of byKey) this.answer(calls, counted.get(keyId));
      } catch (error) {
        // Those who have waited behind it must not wait for another time-out.
        for (const { reject } of [...byKey.values(), this.waiting.splice(0)].flat()) reject(error);
      }
    }
    this.isCounting = false;
  }

  private answer(calls: readonly Waiting[], counted: CountedCalls | undefined): void {
    // A key that was deleted is refused when the call proves it.
    const { keyId, calls: total, msLeft } = counted ?? { keyId: 0, calls: calls.length, msLeft: 0 };
    if (total > this.limit) this.remember(keyId, msLeft);
    for (const [index, { resolve }] of calls.entries()) {
      resolve({ totalHits: total - calls.length + index + 1, resetTime: inMs(msLeft) });
    }
  }

  private remember(keyId: number, msLeft: number): void {
    const nowMs = performance.now();
    if (this.exhausted.size >= MAX_REMEMBERED) {
      for (const [known, endMs] of this.exhausted) if (endMs <= nowMs) this.exhausted.delete(known);
    }
    this.exhausted.set(keyId, nowMs + msLeft);
  }
}

function groupByKey(waiting: readonly Waiting[]): Map<number, Waiting[]> {
  const byKey = new Map<number, Waiting[]>();
  for (const one of waiting) {
    const calls = byKey.get(one.keyId);
    if (calls === undefined) byKey.set(one.keyId, [one]);
    else calls.push(one);
  }
  return byKey;
}

function inMs(ms: number): Date {
  return new Date(Date.now() + ms);
}
