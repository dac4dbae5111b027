/** `npm run bench`: measures the built product and says whether the stated goals are met. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from './machine';
import { plotRatios } from './plot';
import { toMarkdown } from './report';
import { BENCH_ARGUMENTS, BENCH_LIST, findBenches, readOptions, runBenches, runProgram } from './run-benches';

const REPETITIONS = 5;
/** This file is in dist/bench. */
const RESULTS = path.resolve(__dirname, '..', '..', 'bench', 'results');

const HELP = `Usage: npm run bench -- [NAME...] [--repetitions N] [--backend postgresql|redis] [--cpu-profile FOLDER]

Measures what "npm run build" has built, all of these or those that are named:

${BENCH_LIST}
  --repetitions N        how often is measured what is measured more than once (default ${REPETITIONS})
  --backend NAME         queue of all but delivery, which measures both (default postgresql)
  --cpu-profile FOLDER   keeps a CPU profile of each API, worker and yardstick process

Writes bench/results/DATE.md, and DATE.svg with the ratios to the yardsticks. Exit code 1: a goal was missed or a bench
failed. 2: wrong arguments.
`;

async function main(words: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: words,
    allowPositionals: true,
    options: BENCH_ARGUMENTS,
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const benches = findBenches(positionals);
  const options = readOptions(values, { repetitions: REPETITIONS });
  const begunAt = new Date();
  const machine = await describeMachine();
  process.stdout.write(`${machine.map((fact) => fact.join(': ')).join('\n')}\n`);
  const measured = await runBenches(benches, options);
  const name = `${begunAt.toISOString().slice(0, 19).replaceAll(':', '-')}Z`;
  const file = path.join(RESULTS, `${name}.md`);
  const plot = plotRatios(measured);
  mkdirSync(RESULTS, { recursive: true });
  if (plot !== undefined) writeFileSync(path.join(RESULTS, `${name}.svg`), plot);
  writeFileSync(file, toMarkdown(begunAt, machine, measured, plot && `${name}.svg`));
  process.stdout.write(`\nWritten: ${path.relative(process.cwd(), file)}\n`);
  const missed = measured.some(
    ({ figures, fault }) => fault !== undefined || figures.some((f) => f.goal?.met === false),
  );
  if (missed) process.exitCode = 1;
}

runProgram(main, HELP);
