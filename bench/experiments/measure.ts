/** Measures ways of doing the same in turns and prints them as a table: the median, with minimum and maximum. */
import type { Size } from '../make-rows';
import { median } from '../statistics';
import { toTextTable } from '../text-table';

/** One way. A run does it once from a fresh start and returns what was measured, by the heading of its column. */
export interface Way {
  name: string;
  run(): Promise<Record<string, number>>;
}

/** From the first argument of the command line. Default 5. */
export function readRepetitions(): number {
  const [, , word = '5'] = process.argv;
  if (!/^[1-9]\d{0,2}$/.test(word)) throw new Error('The first argument is the number of repetitions.');
  return Number(word);
}

/** From the second argument: small or big. Default both. */
export function readSizes(): Size[] {
  const [, , , word] = process.argv;
  if (word === undefined) return ['small', 'big'];
  if (word !== 'small' && word !== 'big') throw new Error('The second argument is small or big.');
  return [word];
}

/** Runs each way once uncounted, then all in turns, again and again, and prints the table. */
export async function compareWays(title: string, ways: readonly Way[], repetitions: number): Promise<void> {
  const samples = new Map<Way, Record<string, number>[]>(ways.map((way) => [way, []]));
  for (let n = 0; n <= repetitions; n++) {
    for (const way of ways) {
      const measured = await way.run();
      const raw = JSON.stringify(measured, (_, value) =>
        typeof value === 'number' ? Math.round(value) : value,
      );
      process.stderr.write(`  ${n === 0 ? 'warm-up' : `${n} of ${repetitions}`}: ${way.name} ${raw}\n`);
      if (n > 0) samples.get(way)?.push(measured);
    }
  }
  const headings = Object.keys(samples.values().next().value?.[0] ?? {});
  const lines = ways.map((way) => [
    way.name,
    ...headings.map((heading) =>
      show((samples.get(way) ?? []).map((measured) => measured[heading] ?? Number.NaN)),
    ),
  ]);
  const runs = `median (minimum to maximum) of ${repetitions}`;
  process.stdout.write(`\n${title}; ${runs}\n${toTextTable([['way', ...headings], ...lines], new Set([0]))}`);
}

function show(samples: readonly number[]): string {
  const [middle, least, most] = [median(samples), Math.min(...samples), Math.max(...samples)].map((value) =>
    value.toLocaleString('en-US', { maximumSignificantDigits: value < 1_000 ? 3 : 4 }),
  );
  return least === most ? `${middle}` : `${middle} (${least} to ${most})`;
}
