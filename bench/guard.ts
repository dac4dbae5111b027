/**
 * `npm run bench:guard`: notices that Muster has become slower next to its yardsticks. Ratios are compared, not times,
 * because they hold on another machine too.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Figure } from './bench';
import {
  BENCH_ARGUMENTS,
  BENCH_LIST,
  findBenches,
  readOptions,
  runBenches,
  runProgram,
  UsageError,
} from './run-benches';
import { median } from './statistics';
import { toTextTable } from './text-table';

/** Those that are run when none is named: they have ratios and take some minutes. */
const GUARDED = ['accept', 'polls', 'unchanged'];
const REPETITIONS = 3;
const TOLERATED = 0.25;
/** This file is in dist/bench. */
const RATIOS = path.resolve(__dirname, '..', '..', 'bench', 'ratios.json');

const HELP = `Usage: npm run bench:guard -- [NAME...] [--repetitions N] [--update]

Measures ratios to yardsticks, of ${GUARDED.join(', ')} or of the benches that are named, and compares the median of each
with the one in bench/ratios.json: the worst repetition of when it was noted, so that noise is no alarm.

${BENCH_LIST}
  --repetitions N        how often is measured (default ${REPETITIONS})
  --backend NAME         queue: postgresql (default) or redis
  --cpu-profile FOLDER   keeps a CPU profile of each API, worker and yardstick process
  --update               writes the ratios into bench/ratios.json instead of comparing

Exit code 1: a ratio is more than ${TOLERATED * 100} % worse, could not be measured, or a bench failed. 2: wrong arguments.
`;

/** By the names of the figures. */
export type Ratios = Record<string, number>;

export interface ComparedRatio {
  name: string;
  median: number;
  /** Of the repetitions. */
  worst: number;
  /** Undefined when nobody has noted it yet. */
  noted: number | undefined;
  verdict: 'as noted' | 'better' | 'WORSE' | 'NOT MEASURED' | 'not noted yet';
}

/**
 * Compares the ratios among the figures with the noted ones; other figures are left out. Worse, or better, is what differs
 * by more than 25 %. One that has no median was not measured, which is never as good as noted.
 */
export function compareRatios(figures: readonly Figure[], noted: Ratios): ComparedRatio[] {
  return figures.flatMap(({ name, samples, better }) => {
    if (better === undefined) return [];
    const [middle, before] = [median(samples), noted[name]];
    const worst = better === 'higher' ? Math.min(...samples) : Math.max(...samples);
    return [{ name, median: middle, worst, noted: before, verdict: judge(middle, before, better) }];
  });
}

function judge(now: number, noted: number | undefined, better: 'higher' | 'lower'): ComparedRatio['verdict'] {
  if (!Number.isFinite(now)) return 'NOT MEASURED';
  if (noted === undefined) return 'not noted yet';
  const rise = now / noted - 1;
  if (Math.abs(rise) <= TOLERATED) return 'as noted';
  return rise > 0 === (better === 'higher') ? 'better' : 'WORSE';
}

/** The noted ratios with the worst of those that were measured in their place, ordered by name, three digits each. */
export function noteRatios(compared: readonly ComparedRatio[], noted: Ratios): Ratios {
  const measured = compared.filter(({ verdict }) => verdict !== 'NOT MEASURED');
  const all = { ...noted, ...Object.fromEntries(measured.map(({ name, worst }) => [name, worst])) };
  const sorted = Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([name, value]) => [name, Number(value.toPrecision(3))]));
}

async function main(words: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: words,
    allowPositionals: true,
    options: { ...BENCH_ARGUMENTS, update: { type: 'boolean' } },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const benches = findBenches(positionals.length > 0 ? positionals : GUARDED);
  const noted = readNoted();
  const results = await runBenches(benches, readOptions(values, { repetitions: REPETITIONS }));
  const failed = results.filter(({ fault }) => fault !== undefined);
  const compared = compareRatios(
    results.flatMap(({ figures }) => figures),
    noted,
  );
  if (compared.length === 0 && failed.length === 0) throw new UsageError('These benches have no ratios.');
  process.stdout.write(`\n${toTable(compared)}`);
  if (values.update) writeFileSync(RATIOS, `${JSON.stringify(noteRatios(compared, noted), null, 2)}\n`);
  const wrong = compared.filter(({ verdict }) =>
    values.update ? verdict === 'NOT MEASURED' : verdict === 'NOT MEASURED' || verdict === 'WORSE',
  );
  for (const { name, verdict } of wrong) process.stderr.write(`${verdict}: ${name}\n`);
  for (const { name, fault } of failed) process.stderr.write(`FAILED: ${name}: ${fault}\n`);
  if (wrong.length > 0 || failed.length > 0) process.exitCode = 1;
}

function readNoted(): Ratios {
  return existsSync(RATIOS) ? (JSON.parse(readFileSync(RATIOS, 'utf8')) as Ratios) : {};
}

function toTable(compared: readonly ComparedRatio[]): string {
  const show = (value: number | undefined) =>
    value === undefined ? '' : Number.isFinite(value) ? String(Number(value.toPrecision(3))) : '-';
  const lines = compared.map(({ name, median: now, noted, verdict }) => [
    name,
    show(now),
    show(noted),
    verdict,
  ]);
  return toTextTable([['ratio', 'now', 'noted', 'verdict'], ...lines], new Set([0, 3]));
}

if (require.main === module) runProgram(main, HELP);
