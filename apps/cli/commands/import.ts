import { realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Client, isMusterError } from '#client/index';
import { EXISTING_MODES, METADATA_MODES, NESTED_MODES } from '#job/options';
import { REPEATS_MODES } from '#job/reading';
import { connectClient, type GlobalFlags } from '../connection';
import { CliError, exitCode } from '../exit-codes';
import { beginImport, findInterrupted } from '../import/begin-import';
import { MAX_PART_BYTES, MAX_PART_ROWS } from '../import/cut-parts';
import { openErrorFile } from '../import/error-file';
import { addReadingOptions, type ReadingFlags, readingOf } from '../import/flags';
import { type ImportSummary, importFiles } from '../import/import-files';
import { type Journal, openJournal } from '../import/journal';
import { openImportProgress } from '../import/progress';
import { type ImportRequest, jobOptions } from '../import/request';
import { readAccess, type ServerAccess } from '../settings';
import { count, formatSeconds, printable, writeJson } from '../show';

type ImportFlags = GlobalFlags &
  ReadingFlags &
  Pick<
    ImportRequest,
    'batchRows' | 'batchBytes' | 'metadata' | 'existing' | 'nested' | 'repeats' | 'errors'
  > & {
    dryRun?: boolean;
    resume?: boolean;
    restart?: boolean;
  };

const HELP = `
Examples:
  muster import users.ndjson
  muster import export.csv.gz --id-column uuid --map plan_name=plan --errors failed.csv
  muster import contacts.xlsx --sheet Contacts
  muster import --kind companies companies.json --dry-run
  mysql ... | muster import - --format csv --id-column id
  muster import --resume                    # goes on after Ctrl-C, a crash or a lost server

What is where:
  --errors FILE gets the rows that failed as they stand in the input, FILE.reasons why: one JSON object a row.
  An import that is interrupted is noted in ~/.local/state/muster/imports, without any row or key.
  With --json each line of standard output is an event: progress, or done at the end.
`;

/** `import`: files of any size, cut into jobs. */
export function addImport(program: Command, signal: AbortSignal): void {
  const command = program
    .command('import')
    .summary('import files of any size')
    .description(
      'Imports users or companies from files of any size: NDJSON, a JSON array, CSV or a sheet of a ' +
        'workbook (XLSX), plain, gzip or zip. They are cut ' +
        'into jobs, which run one after another; a busy slot is waited out, a server that is away is waited for.',
    )
    .argument('[files...]', 'files, or - for standard input');
  addReadingOptions(command)
    .addOption(
      new Option('--metadata <mode>', 'merge with or replace what is stored').choices(METADATA_MODES),
    )
    .addOption(
      new Option('--existing <mode>', 'what to do about ids that are stored').choices(EXISTING_MODES),
    )
    .addOption(
      new Option('--nested <mode>', 'what becomes of objects and arrays as values').choices(NESTED_MODES),
    )
    .addOption(
      new Option('--repeats <mode>', 'what becomes of rows whose id comes more than once in a job').choices(
        REPEATS_MODES,
      ),
    )
    .option('--dry-run', 'only say what would happen')
    .option('--errors <file>', 'collects the rows that failed, ready to be mended and imported again')
    .option('--batch-rows <rows>', 'most rows of one job', upTo(MAX_PART_ROWS), MAX_PART_ROWS)
    .option('--batch-bytes <bytes>', 'most bytes of one job', upTo(MAX_PART_BYTES), MAX_PART_BYTES)
    .addOption(
      new Option(
        '--resume',
        'goes on with an interrupted import, with the files and flags that it had',
      ).conflicts('restart'),
    )
    .option('--restart', 'forgets an interrupted import of these files and begins anew')
    .addHelpText('after', HELP)
    .action(async (files: string[]) => {
      const flags = command.optsWithGlobals<ImportFlags>();
      const access = readAccess(flags);
      const wanted = files.map(findFile);
      const note = flags.resume
        ? findInterrupted(access, wanted, givenOf(command, flags))
        : beginImport(access, requestOf(wanted, flags), flags.restart === true);
      process.exitCode = await runImport(note, access, flags, signal);
    });
}

async function runImport(
  note: Journal,
  access: ServerAccess,
  flags: ImportFlags,
  signal: AbortSignal,
): Promise<number> {
  const { request } = note;
  const journal = openJournal(note.access, request);
  const progress = openImportProgress(request.files, flags);
  const begunMs = performance.now();
  try {
    const client = connectClient(
      flags,
      signal,
      ({ message }, waitMs) => progress.say(`${message} Trying again in ${formatSeconds(waitMs / 1000)}.`),
      access,
    );
    const isMuster = await isServerMuster(client);
    if (!isMuster && Object.keys(jobOptions(request)).length > 0) throw new CliError('refused', NO_MUSTER);
    const errors =
      request.errors === undefined ? undefined : openErrorFile(request.errors, request.files, note.errorFile);
    try {
      const entity = request.kind === 'users' ? 'user' : 'company';
      const summary = await importFiles({
        client,
        isMuster,
        entity,
        note,
        journal,
        errors,
        progress,
        signal,
      });
      progress.end();
      tell(summary, request, (performance.now() - begunMs) / 1000, flags);
      return exitCode(summary.counts.failed > 0 ? 'rows_failed' : 'ok');
    } finally {
      errors?.close();
    }
  } catch (error) {
    progress.end();
    if (journal.read() !== undefined)
      process.stderr.write('muster import --resume goes on with this import.\n');
    throw error;
  }
}

/** What the request says because a flag was given, not by default. */
function givenOf(command: Command, flags: ImportFlags): Partial<ImportRequest> {
  const entries = Object.entries(requestOf(['-'], flags));
  return Object.fromEntries(entries.filter(([name]) => command.getOptionValueSource(name) === 'cli'));
}

function requestOf(files: string[], flags: ImportFlags): ImportRequest {
  const { batchRows, batchBytes, metadata, existing, nested, repeats, dryRun = false, errors } = flags;
  if (files.length === 0) throw new CliError('refused', 'Which files? muster import --help');
  if (errors !== undefined && files.length > 1) {
    throw new CliError('refused', '--errors collects the rows of one file: import the files one by one.');
  }
  return {
    ...readingOf(flags),
    files,
    batchRows,
    batchBytes,
    metadata,
    existing,
    nested,
    repeats,
    dryRun,
    errors: errors === undefined ? undefined : path.resolve(errors),
  };
}

/** @throws CliError refused when there is no such file */
function findFile(file: string): string {
  if (file === '-') return file;
  try {
    const found = realpathSync(file);
    if (statSync(found).isDirectory()) throw new CliError('refused', `${printable(file)} is a folder.`);
    return found;
  } catch (error) {
    throw error instanceof CliError ? error : new CliError('refused', `There is no file ${printable(file)}.`);
  }
}

/** Any other server would ignore what it does not know, and import what was to be a dry run. */
const NO_MUSTER =
  'The server is not a Muster: it has no --dry-run, --metadata, --existing, --nested and --repeats.';

async function isServerMuster(client: Client): Promise<boolean> {
  try {
    await client.environment();
    return true;
  } catch (error) {
    if (isMusterError(error, 'not_found', 'method_not_allowed', 'unexpected_answer')) return false;
    throw error;
  }
}

function tell(
  { counts, jobs, failedJob, misfits }: ImportSummary,
  { errors, dryRun }: ImportRequest,
  seconds: number,
  { json, quiet }: GlobalFlags,
): void {
  if (json) {
    const cells = Object.fromEntries(misfits);
    writeJson({ event: 'done', ...counts, jobs, seconds, dry_run: dryRun, cells_sent_as_text: cells });
    return;
  }
  for (const [column, cells] of misfits) {
    const told = `${printable(column)}: ${count(cells)} cells do not have the type of their column and were sent as text.`;
    process.stderr.write(`${told}\n`);
  }
  if (quiet) return;
  const { created, updated, unchanged, failed, untold } = counts;
  const told = `${count(created)} created, ${count(updated)} updated, ${count(unchanged)} unchanged, ${count(failed)} failed`;
  const more = untold > 0 ? `, ${count(untold)} accepted by a server that says no more` : '';
  process.stdout.write(
    `${dryRun ? 'Dry run: ' : ''}${told}${more} (${count(jobs)} ${jobs === 1 ? 'job' : 'jobs'}, ${formatSeconds(seconds)}).\n`,
  );
  if (errors !== undefined && failed > 0) {
    process.stdout.write(`The failed rows are in ${errors}, why in ${errors}.reasons.\n`);
  } else if (failedJob !== undefined) {
    process.stdout.write(
      `Why: muster results ${failedJob} --outcome failed. --errors FILE collects such rows.\n`,
    );
  }
}

function upTo(most: number): (word: string) => number {
  return (word) => {
    const number = Number(word);
    if (/^[1-9]\d{0,8}$/.test(word) && number <= most) return number;
    throw new InvalidArgumentError(`It is a number from 1 to ${most}.`);
  };
}
