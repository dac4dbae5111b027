/** Random numbers that come again: FAULT_SEED, printed when a run fails, gives the same ones. */
import { createHash } from 'node:crypto';

export const SEED = process.env.FAULT_SEED ?? '1';

/** Numbers from 0 to 1 (exclusive), the same for the same seed and names. */
export function seededRandom(...names: string[]): () => number {
  let n = 0;
  return () => {
    const hash = createHash('sha256')
      .update([SEED, ...names, n++].join(':'))
      .digest();
    return hash.readUIntBE(0, 6) / 2 ** 48;
  };
}
