/**
 * `./scripts/cluster`: the topology of docker-compose.yml as plain processes of the built product, under the load of many
 * environments that import at once. Says what each of them got, and whether every user arrived exactly.
 */
import { parseArgs } from 'node:util';
import { isError } from './child-process';
import { type CheckedImport, checkImport, countUsers } from './cluster/check-import';
import { importAll } from './cluster/import-all';
import { type ClusterEnvironment, MOST_ROWS, makeEnvironments } from './cluster/make-environments';
import { type Progress, showProgress } from './cluster/progress';
import { toTable, toTotals, toTroubleLines } from './cluster/report';
import { type Backend, type Service, startService, stopAllServices } from './service';

const HELP = `Usage: ./scripts/cluster [OPTION...]

Runs what docker-compose.yml describes without a container engine: PostgreSQL, Redis, migrate, several APIs and workers,
all in a temporary folder. Then every environment imports users at once, through all APIs, with live progress; at the end
a table of what each of them got. Ctrl-C stops everything and leaves nothing behind.

  --environments N       environments, each with a key of its own (default 20)
  --apis N               API processes (default 2)
  --workers N            worker processes (default 3)
  --rows N               users of each environment, at most ${MOST_ROWS} (default 1000)
  --users-per-minute N   throttle of each environment; 0 = unthrottled (default 1800)
  --backend NAME         queue on redis or postgresql (default redis)
  --keep                 leave it running afterwards, with the addresses and keys printed, until Ctrl-C
  --help                 this text

Exit code 1: an import failed, a user is missing or not as sent, more rows than the limit came within 60 s, or a process
logged an error or did not end in order. Warnings are shown only. 2: wrong arguments.
`;

/** As docker-compose.yml starts it: what is in the queue survives a restart and is never lost to memory pressure. */
const REDIS_SETTINGS = { appendonly: 'yes', 'maxmemory-policy': 'noeviction' };

class UsageError extends Error {}

interface ClusterOptions {
  environments: number;
  apis: number;
  workers: number;
  rows: number;
  usersPerMinute: number;
  backend: Backend;
  keep: boolean;
}

/** @throws UsageError */
function readArguments(words: string[]): ClusterOptions | 'help' {
  const values = parse(words);
  if (values.help) return 'help';
  const { backend = 'redis' } = values;
  if (backend !== 'postgresql' && backend !== 'redis') {
    throw new UsageError('--backend is redis or postgresql.');
  }
  const count = (
    name: Exclude<keyof typeof values, 'help' | 'keep'>,
    least: number,
    most: number,
    usual: number,
  ) => {
    const text = values[name] ?? String(usual);
    const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) return number;
    throw new UsageError(`--${name} takes a number from ${least} to ${most}.`);
  };
  return {
    environments: count('environments', 1, 500, 20),
    apis: count('apis', 1, 20, 2),
    workers: count('workers', 1, 20, 3),
    rows: count('rows', 1, MOST_ROWS, 1000),
    usersPerMinute: count('users-per-minute', 0, 100_000_000, 1800),
    backend,
    keep: values.keep ?? false,
  };
}

function parse(words: string[]) {
  try {
    return parseArgs({
      args: words,
      options: {
        environments: { type: 'string' },
        apis: { type: 'string' },
        workers: { type: 'string' },
        rows: { type: 'string' },
        'users-per-minute': { type: 'string' },
        backend: { type: 'string' },
        keep: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

let progress: Progress | undefined;
let interrupted = false;
/** Of Ctrl-C, which with --keep is the usual end. */
let exitCodeOfSignal: number | undefined;

async function main(words: string[]): Promise<void> {
  const options = readArguments(words);
  if (options === 'help') {
    process.stdout.write(HELP);
    return;
  }
  const { apis, workers, backend, usersPerMinute } = options;
  const servers = backend === 'redis' ? 'PostgreSQL, Redis' : 'PostgreSQL';
  process.stdout.write(`Starting ${servers}, migrate, API x ${apis}, worker x ${workers}.\n`);
  const service = await startService({
    backend,
    apis,
    workers,
    usersPerMinute,
    redisSettings: REDIS_SETTINGS,
    postgresSettings: { track_commit_timestamp: 'on' },
    cpuProfile: undefined,
  });
  try {
    const environments = await makeEnvironments(service, options.environments, options.rows);
    const sound = await importAndCheck(service, environments, usersPerMinute);
    if (options.keep) await keep(service, environments, sound);
    const before = service.troubles().length;
    await service.stop();
    const closed = service.troubles().slice(before);
    tell('Warnings and errors while closing', toTroubleLines(closed));
    process.exitCode = sound && !closed.some(isError) ? 0 : 1;
  } catch (error) {
    if (!interrupted) tell('Warnings and errors of the processes', toTroubleLines(service.troubles()));
    throw error;
  } finally {
    progress?.stop();
    await service.stop();
  }
}

/** Returns whether nothing is wrong. */
async function importAndCheck(
  service: Service,
  environments: ClusterEnvironment[],
  usersPerMinute: number,
): Promise<boolean> {
  const { database, urls } = service;
  process.stdout.write(`Importing into ${environments.length} environments at once.\n`);
  progress = showProgress(environments, process.stdout);
  const submissions = await importAll(urls, environments, progress);
  progress.stop();

  const imports: CheckedImport[] = [];
  for (const [index, environment] of environments.entries()) {
    const jobId = submissions[index]?.jobId ?? '';
    imports.push(await checkImport(database, environment, jobId, usersPerMinute));
  }
  const begunMs = Math.min(...submissions.map(({ postedAtMs }) => postedAtMs));
  const seconds = (Math.max(...imports.map(({ endedAtMs }) => endedAtMs)) - begunMs) / 1000;
  process.stdout.write(`\n${toTable(imports)}\n${toTotals(imports, { seconds, usersPerMinute })}`);
  const sent = environments.reduce((sum, { rows }) => sum + rows, 0);
  const stored = await countUsers(database);
  const faults = imports.flatMap(({ slug, faults }) => faults.map((fault) => `${slug}: ${fault}`));
  if (stored !== sent) faults.push(`${stored} users are stored, ${sent} were sent`);
  const troubles = service.troubles();
  if (faults.length === 0) process.stdout.write(`All ${sent} users arrived, each exactly as sent.\n`);
  tell('Wrong', faults);
  tell('Warnings and errors of the processes', toTroubleLines(troubles));
  return faults.length === 0 && !troubles.some(isError);
}

function tell(heading: string, lines: string[]): void {
  if (lines.length > 0) process.stdout.write(`\n${heading}:\n${lines.map((line) => `  ${line}\n`).join('')}`);
}

/** Never returns: Ctrl-C ends it. */
function keep({ urls }: Service, environments: ClusterEnvironment[], sound: boolean): Promise<never> {
  const keys = environments.map(({ slug, key }) => `  ${slug}  ${key}\n`);
  process.stdout.write(
    `\nRunning on, until Ctrl-C.\n\n${urls.map((url) => `  API  ${url}\n`).join('')}\n${keys.join('')}`,
  );
  exitCodeOfSignal = sound ? 0 : 1;
  return new Promise(() => undefined);
}

for (const [signal, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  // Every time, not once: a second Ctrl-C must not end this process before all others have ended.
  process.on(signal, () => {
    if (interrupted) return;
    interrupted = true;
    progress?.stop();
    process.stderr.write('Stopping.\n');
    void stopAllServices().finally(() => process.exit(exitCodeOfSignal ?? exitCode));
  });
}

main(process.argv.slice(2)).catch((error: unknown) => {
  if (interrupted) return;
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof UsageError) process.stderr.write(`\n${HELP}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
});
