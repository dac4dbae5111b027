/**
 * `npm run fuzz`: sends damaged and odd requests to the built product for some minutes and checks after each that nothing
 * is wrong: with the answer, with what is stored, with the slot, with the process. Every case is made of the seed and its
 * own number alone, so that `--seed S --case N` sends the same bytes again.
 */
import { parseArgs } from 'node:util';
import { type Service, startService, stopAllServices } from '../bench/service';
import { composeCase, KIND_NAMES } from './cases/compose';
import { runCase, type Target } from './judge';
import { judgeLogLine } from './oracle';
import type { Limits } from './predict';
import { createReport, describe, type Report } from './report';
import { type Holdings, holdingsOf, isEnd, judgeEnd, judgeHoldings, judgeTroubles } from './settle';

/** Small, so that cases reach them; above a megabyte, so that rows are staged before a body has ended. */
const LIMITS: Limits = { maxRows: 200, maxBytes: 2_500_000 };
/** Cases at the same time, each in an environment of its own. */
const LANES = 8;
/** After so many cases the service has its pools and its code warm: what it holds then is the measure for the end. */
const WARM_AFTER_CASES = 300;

const HELP = `Usage: npm run fuzz -- [--seconds N] [--seed N] [--case N]

Sends mutated requests to what "npm run build" has built, with an embedded PostgreSQL of its own, and checks every answer
and what it leaves. Kinds of cases: ${KIND_NAMES.join(', ')}.

  --seconds N   how long, the start included (default 600)
  --seed N      which cases (default: by the clock)
  --case N      sends this one case of the seed again and prints it

Exit code 1: there were violations; each is printed, and its request is kept in fuzz/failures. 2: wrong arguments.
`;

class UsageError extends Error {}

interface Options {
  seconds: number;
  seed: number;
  only: number | undefined;
}

function readArguments(args: string[]): Options | 'help' {
  const names = { help: { type: 'boolean', short: 'h' }, seconds: { type: 'string' } } as const;
  const { values } = parse(args, { ...names, seed: { type: 'string' }, case: { type: 'string' } });
  if (values.help) return 'help';
  const { seconds = '600', seed = String(Date.now() % 1_000_000), case: only } = values;
  for (const [name, text] of Object.entries({ seconds, seed, case: only ?? '0' })) {
    if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--${name} takes a whole number.`);
  }
  if (only !== undefined && values.seed === undefined) throw new UsageError('--case needs --seed.');
  return {
    seconds: Number(seconds),
    seed: Number(seed),
    only: only === undefined ? undefined : Number(only),
  };
}

function parse<T extends NonNullable<Parameters<typeof parseArgs>[0]>['options']>(
  args: string[],
  options: T,
) {
  try {
    return parseArgs({ args, options });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function main(args: string[]): Promise<void> {
  const options = readArguments(args);
  const write = (text: string) => process.stdout.write(text);
  if (options === 'help') {
    write(HELP);
    return;
  }
  const { seconds, seed, only } = options;
  const endsAtMs = performance.now() + seconds * 1000;
  const report = createReport(seed, endsAtMs, write);
  const service = await startService({
    ...{ backend: 'postgresql', usersPerMinute: 0, cpuProfile: undefined },
    // Nothing is cut off from power here: what a commit costs would only make the cases fewer.
    postgresSettings: { fsync: 'off' },
    settings: { MAX_ROWS: String(LIMITS.maxRows), MAX_BYTES: String(LIMITS.maxBytes), LOG_LEVEL: 'debug' },
    onLogLine(line) {
      for (const violation of judgeLogLine(line)) report.addGeneral(`${violation}\nlog        ${line}`);
    },
  });
  try {
    const target: Target = { ...service, limits: LIMITS };
    write(`seed ${seed}\n`);
    if (only === undefined) await runMany(seed, endsAtMs, target, service, report);
    else await replay(seed, only, target, report, write);
  } finally {
    await service.stop();
  }
  write(`\n${report.table()}\nseed ${seed}: ${report.cases} cases, ${report.violations} violations\n`);
  if (report.violations > 0) process.exitCode = 1;
}

async function replay(
  seed: number,
  number: number,
  target: Target,
  report: Report,
  write: (text: string) => void,
): Promise<void> {
  const one = composeCase(seed, number, target.limits);
  const verdict = await runCase(one, target);
  if (verdict.violations.length === 0) write(`${describe(seed, one, verdict)}\n`);
  report.add(one, verdict);
  for (const violation of await judgeEnd(target.database)) report.addGeneral(violation);
}

/** Cases in several lanes until the time is over, then what only the end can show. */
async function runMany(
  seed: number,
  endsAtMs: number,
  target: Target,
  service: Service,
  report: Report,
): Promise<void> {
  let next = 1;
  let warm: Holdings | undefined;
  const lane = async () => {
    while (performance.now() < endsAtMs && !service.troubles().some(isEnd)) {
      const one = composeCase(seed, next++, target.limits);
      report.add(one, await runCase(one, target));
      if (report.cases === WARM_AFTER_CASES) warm = holdingsOf(service.apiPid);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  for (const violation of judgeTroubles(service.troubles())) report.addGeneral(violation);
  for (const violation of await judgeEnd(service.database)) report.addGeneral(violation);
  if (warm === undefined) return;
  const { violations, sentence } = await judgeHoldings(service.apiPid, warm);
  for (const violation of violations) report.addGeneral(violation);
  process.stdout.write(`\n${sentence}\n`);
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
