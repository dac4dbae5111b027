/** Ours and a yardstick side by side: measured in turns in one run, so that what the machine does meanwhile meets both. */
import type { Figure } from './bench';

/** One side of a comparison. A run measures once and returns the value, in the unit that both sides share. */
export interface Side {
  name: string;
  run(): Promise<number>;
}

/** Measures all sides in turns, first one after another, then again. Returns the samples of each, in order. */
export async function measureInTurns(
  repetitions: number,
  sides: readonly Side[],
  progress: (words: string) => void,
): Promise<number[][]> {
  const samples = sides.map((): number[] => []);
  for (let n = 1; n <= repetitions; n++) {
    for (const [index, side] of sides.entries()) {
      progress(`${side.name}, repetition ${n} of ${repetitions}`);
      samples[index]?.push(await side.run());
    }
  }
  return samples;
}

/**
 * Ours as a multiple of theirs, turn by turn. A goal is met when the median meets it.
 * @param name says what is compared with what; it is the key in bench/ratios.json, which the guard compares with
 */
export function ratio(
  name: string,
  ours: readonly number[],
  theirs: readonly number[],
  goal: { atLeast: number } | { atMost: number },
): Figure {
  const samples = ours.map((value, turn) => value / (theirs[turn] ?? Number.NaN));
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
  const text = 'atLeast' in goal ? `>= ${goal.atLeast} x` : `<= ${goal.atMost} x`;
  const met = 'atLeast' in goal ? middle >= goal.atLeast : middle <= goal.atMost;
  return { name, unit: 'x', samples, goal: { text, met }, better: 'atLeast' in goal ? 'higher' : 'lower' };
}
