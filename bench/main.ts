/** `npm run bench`: measures the built product and says whether the stated goals are met. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Bench, BenchOptions } from './bench';
import { delivery } from './benches/delivery';
import { following } from './benches/following';
import { parallelUploads } from './benches/parallel-uploads';
import { results } from './benches/results';
import { throughput } from './benches/throughput';
import { trueRate } from './benches/true-rate';
import { uploadMemory } from './benches/upload-memory';
import { describeMachine } from './machine';
import { type BenchResult, toMarkdown, toText } from './report';
import { stopAllServices } from './service';

/** Quick ones first, so that the first figures come soon. */
const BENCHES: readonly Bench[] = [
  delivery,
  following,
  results,
  uploadMemory,
  parallelUploads,
  throughput,
  trueRate,
];
/** This file is in dist/bench. */
const RESULTS = path.resolve(__dirname, '..', '..', 'bench', 'results');

const HELP = `Usage: npm run bench -- [NAME...] [--repetitions N] [--backend postgresql|redis] [--cpu-profile FOLDER]

Measures what "npm run build" has built, all of these or those that are named:

${BENCHES.map(({ name, about }) => `  ${name.padEnd(15)} ${about}\n`).join('')}
  --repetitions N        how often throughput and upload-memory measure (default 5)
  --backend NAME         queue of all but delivery, which measures both (default postgresql)
  --cpu-profile FOLDER   keeps a CPU profile of each API and worker process

Writes bench/results/DATE.md. Exit code 1: a goal was missed or a bench failed. 2: wrong arguments.
`;

class UsageError extends Error {}

function readArguments(words: string[]): { benches: Bench[]; options: BenchOptions; typed: string } | 'help' {
  const { values, positionals } = parse(words);
  if (values.help) return 'help';
  const unknown = positionals.filter((name) => !BENCHES.some((bench) => bench.name === name));
  if (unknown.length > 0) throw new UsageError(`There is no bench ${unknown.join(', ')}.`);
  const { repetitions = '5', backend = 'postgresql', 'cpu-profile': cpuProfile } = values;
  if (!/^[1-9]\d{0,2}$/.test(repetitions))
    throw new UsageError('--repetitions takes a number from 1 to 999.');
  if (backend !== 'postgresql' && backend !== 'redis') {
    throw new UsageError('--backend is postgresql or redis.');
  }
  return {
    benches: BENCHES.filter(({ name }) => positionals.length === 0 || positionals.includes(name)),
    options: { repetitions: Number(repetitions), backend, cpuProfile, progress: () => undefined },
    typed: ` --repetitions ${repetitions} --backend ${backend}`,
  };
}

function parse(words: string[]) {
  try {
    return parseArgs({
      args: words,
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        repetitions: { type: 'string' },
        backend: { type: 'string' },
        'cpu-profile': { type: 'string' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function main(words: string[]): Promise<void> {
  const read = readArguments(words);
  if (read === 'help') {
    process.stdout.write(HELP);
    return;
  }
  const begunAt = new Date();
  const machine = await describeMachine();
  process.stdout.write(`${machine.map((fact) => fact.join(': ')).join('\n')}\n`);
  const measured: BenchResult[] = [];
  for (const bench of read.benches) {
    const result = await run(bench, read.options, `npm run bench -- ${bench.name}${read.typed}`);
    measured.push(result);
    process.stdout.write(`\n${toText(result)}`);
  }
  const file = path.join(RESULTS, `${begunAt.toISOString().slice(0, 19).replaceAll(':', '-')}Z.md`);
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(file, toMarkdown(begunAt, machine, measured));
  process.stdout.write(`\nWritten: ${path.relative(process.cwd(), file)}\n`);
  const missed = measured.some(
    ({ figures, fault }) => fault !== undefined || figures.some((f) => f.goal?.met === false),
  );
  if (missed) process.exitCode = 1;
}

/** A bench that fails takes no other one with it. */
async function run(bench: Bench, options: BenchOptions, command: string): Promise<BenchResult> {
  const { name, about } = bench;
  const progress = (words: string) => process.stderr.write(`  ${name}: ${words}\n`);
  try {
    return { name, about, command, figures: await bench.run({ ...options, progress }) };
  } catch (error) {
    return {
      name,
      about,
      command,
      figures: [],
      fault: error instanceof Error ? error.message : String(error),
    };
  }
}

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
  if (error instanceof UsageError) process.stderr.write(`\n${HELP}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
});
