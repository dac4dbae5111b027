/** Runs benches: which there are, how a command line names them, and what their end means for the process. */
import type { Bench, BenchOptions } from './bench';
import { accept } from './benches/accept';
import { commandLine } from './benches/command-line';
import { delivery } from './benches/delivery';
import { enrich } from './benches/enrich';
import { environments } from './benches/environments';
import { fairness } from './benches/fairness';
import { fatUsers } from './benches/fat-users';
import { following } from './benches/following';
import { identify } from './benches/identify';
import { largeTable } from './benches/large-table';
import { parallelUploads } from './benches/parallel-uploads';
import { peers } from './benches/peers';
import { polls } from './benches/polls';
import { refusedUploads } from './benches/refused-uploads';
import { results } from './benches/results';
import { start } from './benches/start';
import { throughput } from './benches/throughput';
import { trueRate } from './benches/true-rate';
import { unchanged } from './benches/unchanged';
import { uploadMemory } from './benches/upload-memory';
import { workbook } from './benches/workbook';
import { type BenchResult, toText } from './report';
import { stopAllServices } from './service';

/** Quick ones first, so that the first figures come soon. */
export const BENCHES: readonly Bench[] = [
  delivery,
  start,
  fatUsers,
  following,
  results,
  uploadMemory,
  workbook,
  accept,
  polls,
  identify,
  enrich,
  parallelUploads,
  refusedUploads,
  throughput,
  unchanged,
  environments,
  fairness,
  trueRate,
  peers,
  commandLine,
  largeTable,
];

/** The list of benches for a help text. */
export const BENCH_LIST = BENCHES.map(({ name, about }) => `  ${name.padEnd(16)} ${about}\n`).join('');

/** What the options of a command line are, for parseArgs. */
export const BENCH_ARGUMENTS = {
  help: { type: 'boolean', short: 'h' },
  repetitions: { type: 'string' },
  backend: { type: 'string' },
  'cpu-profile': { type: 'string' },
} as const;

/** A command line that cannot be understood. */
export class UsageError extends Error {}

/** The benches of these names, in our order; all when none is named. @throws UsageError for an unknown name */
export function findBenches(names: readonly string[]): Bench[] {
  const unknown = names.filter((name) => !BENCHES.some((bench) => bench.name === name));
  if (unknown.length > 0) throw new UsageError(`There is no bench ${unknown.join(', ')}.`);
  return BENCHES.filter(({ name }) => names.length === 0 || names.includes(name));
}

/** @throws UsageError for a value that the option does not have */
export function readOptions(
  values: { repetitions?: string; backend?: string; 'cpu-profile'?: string },
  defaults: { repetitions: number },
): BenchOptions {
  const { repetitions = String(defaults.repetitions), backend = 'postgresql' } = values;
  if (!/^[1-9]\d{0,2}$/.test(repetitions))
    throw new UsageError('--repetitions takes a number from 1 to 999.');
  if (backend !== 'postgresql' && backend !== 'redis') {
    throw new UsageError('--backend is postgresql or redis.');
  }
  const cpuProfile = values['cpu-profile'];
  return { repetitions: Number(repetitions), backend, cpuProfile, progress: () => undefined };
}

/** Runs one after another and shows the table of each. A bench that fails takes no other one with it. */
export async function runBenches(benches: readonly Bench[], options: BenchOptions): Promise<BenchResult[]> {
  const measured: BenchResult[] = [];
  for (const bench of benches) {
    const result = await runBench(bench, options);
    measured.push(result);
    process.stdout.write(`\n${toText(result)}`);
  }
  return measured;
}

async function runBench({ name, about, run }: Bench, options: BenchOptions): Promise<BenchResult> {
  const { repetitions, backend } = options;
  const command = `npm run bench -- ${name} --repetitions ${repetitions} --backend ${backend}`;
  const progress = (words: string) => process.stderr.write(`  ${name}: ${words}\n`);
  try {
    return { name, about, command, figures: await run({ ...options, progress }) };
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error);
    return { name, about, command, figures: [], fault };
  }
}

/**
 * Runs a program of benches: Ctrl-C stops what runs and leaves nothing behind, an error is one sentence and exit code 1,
 * and arguments that are not understood are answered with the help and exit code 2.
 */
export function runProgram(main: (words: string[]) => Promise<void>, help: string): void {
  let interrupted = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      interrupted = true;
      process.stderr.write('Stopping.\n');
      void stopAllServices().finally(() => process.exit(signal === 'SIGINT' ? 130 : 143));
    });
  }
  main(process.argv.slice(2)).catch((error: unknown) => {
    if (interrupted) return;
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    const isUsage = error instanceof UsageError || isParseArgsError(error);
    if (isUsage) process.stderr.write(`\n${help}`);
    process.exitCode = isUsage ? 2 : 1;
  });
}

function isParseArgsError(error: unknown): boolean {
  return String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS');
}
