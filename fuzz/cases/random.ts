/**
 * The only source of chance: whatever a case is made of comes from here, so that seed and number make the same bytes on
 * every machine and whatever ran before. Never Math.random, never a clock.
 */
import { createHash } from 'node:crypto';

export interface Random {
  /** From 0 up to 1. */
  next(): number;
  /** A whole number from 0 up to `below`. */
  whole(below: number): number;
  /** True in this share of all calls. */
  chance(share: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** One of the values, each as often as its weight says. */
  weighted<T>(list: readonly (readonly [weight: number, value: T])[]): T;
  bytes(length: number): Buffer;
}

/** The chance of one case (mulberry32, begun with a hash so that neighbours have nothing in common). */
export function randomOf(seed: number, caseNumber: number): Random {
  let state = createHash('sha256').update(`${seed}/${caseNumber}`).digest().readUInt32LE();
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const whole = (below: number) => Math.floor(next() * below);
  return {
    next,
    whole,
    chance: (share) => next() < share,
    pick: (list) => list[whole(list.length)] as (typeof list)[number],
    weighted(list) {
      let left = next() * list.reduce((sum, [weight]) => sum + weight, 0);
      for (const [weight, value] of list) {
        left -= weight;
        if (left < 0) return value;
      }
      return (list.at(-1) as (typeof list)[number])[1];
    },
    bytes: (length) => Buffer.from(Array.from({ length }, () => whole(256))),
  };
}

/** The API key of a case: as good as random, and the same at every replay. */
export function keyOf(seed: number, caseNumber: number): string {
  return `mst_${createHash('sha256').update(`key of ${seed}/${caseNumber}`).digest('base64url')}`;
}
