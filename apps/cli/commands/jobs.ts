import { type Command, InvalidArgumentError, Option } from 'commander';
import { isFinished, type Job, type ShownStatus } from '#client/index';
import { STATUSES } from '#job/lifecycle';
import { type Outcome, RESULT_OUTCOMES } from '#job/outcome';
import { connectClient, type GlobalFlags } from '../connection';
import { openDisplay, Pace } from '../display';
import { exitCode } from '../exit-codes';
import { pour, printable, showJob, showJobLine, writeJson } from '../show';

interface JobsFlags extends GlobalFlags {
  status?: ShownStatus;
  userId?: string;
  companyId?: string;
  limit: number;
}

interface ResultsFlags extends GlobalFlags {
  outcome?: Outcome[];
  as: 'lines' | 'csv' | 'input';
}

/** `jobs`, `watch`, `results`, `cancel`, `retry`. */
export function addJobs(program: Command, signal: AbortSignal): void {
  program
    .command('jobs')
    .summary('list the imports, newest first')
    .description('Lists the imports of the environment, newest first.')
    .addOption(new Option('--status <status>', 'only those in this state').choices(STATUSES))
    .option('--user-id <id>', 'only those that had a row of this user')
    .addOption(
      new Option('--company-id <id>', 'only those that had a row of this company').conflicts('userId'),
    )
    .option('--limit <number>', 'most jobs', readLimit, 20)
    .addHelpText(
      'after',
      '\nExamples:\n  muster jobs --status processing\n  muster jobs --limit 100 --json\n',
    )
    .action(async (_flags: unknown, command: Command) => {
      const { status, userId, companyId, limit, ...flags } = command.optsWithGlobals<JobsFlags>();
      const jobs = connectClient(flags, signal).jobs({ status, userId, companyId, limit });
      for await (const job of jobs) {
        if (flags.json) writeJson(job);
        else process.stdout.write(showJobLine(job));
      }
    });

  program
    .command('watch')
    .summary('follow an import to its end')
    .description('Shows the progress of an import until it has ended, then what became of it.')
    .argument('<job-id>', 'as the import or muster jobs shows it', readJobId)
    .action(async (jobId: string, _flags: unknown, command: Command) => {
      const flags = command.optsWithGlobals<GlobalFlags>();
      const last = await watch(jobId, flags, signal);
      show(last, flags);
      process.exitCode = exitOf(last);
    });

  program
    .command('results')
    .summary('what became of each row of an import')
    .description('Writes what became of each row, in the order of the input, or the rows as they were sent.')
    .argument('<job-id>', 'as the import or muster jobs shows it', readJobId)
    .addOption(new Option('--outcome <outcome...>', 'only these').choices(RESULT_OUTCOMES))
    .addOption(
      new Option('--as <form>', 'a line of JSON for each, a CSV, or the rows as they were sent')
        .choices(['lines', 'csv', 'input'])
        .default('lines'),
    )
    .addHelpText('after', '\nExample:\n  muster results JOB --outcome failed --as input > fix.ndjson\n')
    .action(async (jobId: string, _flags: unknown, command: Command) => {
      const { outcome, as, ...flags } = command.optsWithGlobals<ResultsFlags>();
      const client = connectClient(flags, signal);
      const options = { signal, ...(outcome && { outcome }) };
      if (as === 'csv') await pour(await client.resultsCsv(jobId, options));
      else if (as === 'input') await pour((await client.input(jobId, options)).stream);
      else for await (const result of client.results(jobId, options)) writeJson(result);
    });

  program
    .command('cancel')
    .summary('end an import: no row is written after the answer')
    .description('Ends an import. Rows that were applied stay applied; no row is written after the answer.')
    .argument('<job-id>', 'as the import or muster jobs shows it', readJobId)
    .action(async (jobId: string, _flags: unknown, command: Command) => {
      const flags = command.optsWithGlobals<GlobalFlags>();
      show(await connectClient(flags, signal).cancel(jobId), flags);
    });

  program
    .command('retry')
    .summary('import the failed and unprocessed rows of an import again')
    .description(
      'Makes a new import of the rows of an ended one that failed or were not processed. Waits for the slot.',
    )
    .argument('<job-id>', 'as the import or muster jobs shows it', readJobId)
    .action(async (jobId: string, _flags: unknown, command: Command) => {
      const flags = command.optsWithGlobals<GlobalFlags>();
      show(await connectClient(flags, signal).retry(jobId, { waitForSlot: true, signal }), flags);
    });
}

async function watch(jobId: string, flags: GlobalFlags, signal: AbortSignal): Promise<Job> {
  const display = openDisplay(flags);
  const pace = new Pace();
  let last: Job | undefined;
  try {
    const told = ({ message }: Error) => display.say(message);
    for await (const job of connectClient(flags, signal, told).watch(jobId, { signal })) {
      last = job;
      if (flags.json && !isFinished(job)) writeJson(job);
      const {
        completed_rows: rows = 0,
        failed_rows: failed = 0,
        total_rows: total,
        eta_seconds,
      } = job as Partial<Job>;
      display.update({
        rows,
        failed,
        share: total ? rows / total : undefined,
        rowsPerSecond: pace.read(rows),
        etaSeconds: eta_seconds,
        doing: job.status,
      });
    }
  } finally {
    display.end();
  }
  if (last === undefined) throw new Error('a watch ends with a finished job');
  return last;
}

function exitOf({ status, error, failed_rows: failed }: Job): number {
  if (status !== 'completed' && error?.code !== 'no_rows_applied') return exitCode('ended_early');
  return exitCode(failed > 0 ? 'rows_failed' : 'ok');
}

function show(job: Job, { json, quiet }: GlobalFlags): void {
  if (json) writeJson(job);
  else if (!quiet) process.stdout.write(showJob(job));
  else process.stdout.write(`${printable(job.job_id)}\n`);
}

function readJobId(word: string): string {
  if (/^[\w:%-]+$/.test(word)) return word;
  throw new InvalidArgumentError('It is the id of a job.');
}

function readLimit(word: string): number {
  if (/^[1-9]\d{0,6}$/.test(word)) return Number(word);
  throw new InvalidArgumentError('It is a number from 1 to 9,999,999.');
}
