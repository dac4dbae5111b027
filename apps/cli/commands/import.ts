import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Entity } from '#job/entity';
import { EXISTING_MODES, type ExistingMode, METADATA_MODES, type MetadataMode } from '#job/options';
import { connectClient, type GlobalFlags } from '../connection';
import { CliError, exitCode } from '../exit-codes';
import { CELL_TYPES, type CellType } from '../import/csv-row';
import { MAX_PART_BYTES, MAX_PART_ROWS } from '../import/cut-parts';
import { openErrorFile } from '../import/error-file';
import { type ImportSummary, importFile } from '../import/import-file';
import { openJournal } from '../import/journal';
import { FORMATS, type Format, openInput } from '../import/open-input';
import { formatSeconds, openProgress, type ProgressStyle } from '../import/progress';
import { readAccess } from '../settings';
import { writeJson } from '../show';

export interface ImportFlags extends GlobalFlags {
  kind: 'users' | 'companies';
  format?: Format;
  idColumn?: string;
  companyColumn?: string;
  map?: Map<string, string>;
  types: 'infer' | 'text' | Map<string, CellType>;
  batchRows: number;
  metadata?: MetadataMode;
  existing?: ExistingMode;
  dryRun?: boolean;
  errors?: string;
  resume?: boolean;
  restart?: boolean;
}

const EXAMPLES = `
Examples:
  muster import users.ndjson
  muster import export.csv.gz --id-column uuid --map plan_name=plan --errors failed.csv
  muster import --kind companies companies.json --dry-run
  mysql ... | muster import - --format csv --id-column id
  muster import huge.ndjson --resume          # goes on after Ctrl-C, a crash or a lost server
`;

export function addImport(program: Command, signal: AbortSignal): void {
  program
    .command('import')
    .summary('import a file of any size')
    .description(
      'Imports users or companies from a file of any size: NDJSON, a JSON array or CSV, plain or gzip. The file is cut ' +
        'into jobs, which run one after another; a busy slot is waited out, a server that is away is waited for.',
    )
    .argument('<file>', 'the file, or - for standard input')
    .addOption(
      new Option('--kind <kind>', 'what the rows are').choices(['users', 'companies']).default('users'),
    )
    .addOption(
      new Option('--format <format>', 'default: by the name, else by the first bytes').choices(FORMATS),
    )
    .option('--id-column <name>', 'column of the id in a CSV (default user_id or company_id)')
    .option('--company-column <name>', 'column of the company in a CSV of users (default company_id)')
    .option('--map <old=new>', 'renames a column of a CSV; may be given again', collectPairs)
    .option(
      '--types <types>',
      'infer: columns of numbers or true/false become such, 007 stays text; text: all text; or name=number,name=boolean',
      readTypes,
      'infer',
    )
    .option('--batch-rows <rows>', 'most rows of one job', readRows, MAX_PART_ROWS)
    .addOption(
      new Option('--metadata <mode>', 'merge with or replace what is stored').choices(METADATA_MODES),
    )
    .addOption(new Option('--existing <mode>', 'what to do about stored ids').choices(EXISTING_MODES))
    .option('--dry-run', 'only say what would happen')
    .option('--errors <file>', 'collects the rows that failed, ready to be mended and imported again')
    .option('--resume', 'goes on with an interrupted import of this file')
    .option('--restart', 'forgets an interrupted import of this file and begins anew')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, _flags: unknown, command: Command) => {
      process.exitCode = await run(file, command.optsWithGlobals<ImportFlags>(), signal);
    });
}

async function run(file: string, flags: ImportFlags, signal: AbortSignal): Promise<number> {
  const entity: Entity = flags.kind === 'users' ? 'user' : 'company';
  const client = connectClient(flags, signal);
  const { url } = readAccess(flags);
  const { types, map: renamed = new Map(), metadata, existing, dryRun } = flags;
  const mapping = {
    idColumn: flags.idColumn ?? (entity === 'user' ? 'user_id' : 'company_id'),
    companyColumn: flags.companyColumn,
    renamed,
    types: types instanceof Map ? types : new Map<string, CellType>(),
    infers: types === 'infer',
  };
  const options = { ...(metadata && { metadata }), ...(existing && { existing }), ...(dryRun && { dryRun }) };
  const identity = {
    url,
    file: file === '-' ? '-' : await realPath(file),
    options: [flags.kind, mapping.idColumn, options],
  };
  const journal = openJournal(identity);
  if (flags.restart) journal.remove();
  const unfinished = journal.read();
  if (unfinished !== undefined && !flags.resume) {
    throw new CliError(
      'refused',
      `An import of this file was interrupted after ${unfinished.done.rows.toLocaleString('en')} rows: --resume goes on with it, --restart begins anew.`,
    );
  }
  if (unfinished === undefined && flags.resume)
    process.stderr.write('There is nothing to resume: beginning.\n');
  const input = await openInput(file, flags.format);
  const progress = openProgress(styleOf(flags));
  const begun = performance.now();
  const { errors } = flags;
  const openErrors =
    errors === undefined
      ? undefined
      : (header: () => Buffer | undefined) => openErrorFile(errors, header, unfinished !== undefined);
  try {
    const limits = { rows: flags.batchRows, bytes: MAX_PART_BYTES };
    const plan = {
      client,
      entity,
      input,
      mapping,
      limits,
      options,
      journal,
      resumed: unfinished,
      openErrors,
      progress,
      signal,
    };
    const summary = await importFile(plan);
    progress.end();
    tell(summary, (performance.now() - begun) / 1000, flags);
    return exitCode(summary.counts.failed > 0 ? 'rows_failed' : 'ok');
  } finally {
    progress.end();
  }
}

function tell(
  { counts, jobs, misfits }: ImportSummary,
  seconds: number,
  { json, quiet, errors, dryRun }: ImportFlags,
): void {
  if (json) {
    writeJson({ event: 'done', ...counts, jobs, seconds, dry_run: dryRun === true });
    return;
  }
  for (const [column, cells] of misfits) {
    process.stderr.write(
      `${column}: ${cells} cells do not have the type of their column and were sent as text.\n`,
    );
  }
  if (quiet) return;
  const { created, updated, unchanged, failed, untold } = counts;
  const n = (rows: number) => rows.toLocaleString('en');
  const told = `${n(created)} created, ${n(updated)} updated, ${n(unchanged)} unchanged, ${n(failed)} failed`;
  const more = untold > 0 ? `, ${n(untold)} accepted by a server that says no more` : '';
  process.stdout.write(
    `${dryRun ? 'Dry run: ' : ''}${told}${more} (${jobs.length} jobs, ${formatSeconds(seconds)}).\n`,
  );
  if (failed > 0) {
    process.stdout.write(
      errors === undefined
        ? `Why: muster results ${jobs.at(-1) ?? 'JOB'} --outcome failed. Next time --errors FILE collects such rows.\n`
        : `The failed rows are in ${errors}, why in ${errors}.reasons.\n`,
    );
  }
}

function styleOf({ json, quiet }: ImportFlags): ProgressStyle {
  if (json) return 'json';
  if (quiet) return 'quiet';
  return process.stderr.isTTY ? 'bar' : 'lines';
}

async function realPath(file: string): Promise<string> {
  const { realpath } = await import('node:fs/promises');
  return realpath(file).catch(() => {
    throw new CliError('refused', `There is no file ${file}.`);
  });
}

function collectPairs(word: string, before: Map<string, string> = new Map()): Map<string, string> {
  const at = word.indexOf('=');
  if (at < 1 || at === word.length - 1) throw new InvalidArgumentError('It has the form old=new.');
  return before.set(word.slice(0, at), word.slice(at + 1));
}

function readTypes(word: string): ImportFlags['types'] {
  if (word === 'infer' || word === 'text') return word;
  const types = new Map<string, CellType>();
  for (const pair of word.split(',')) {
    const at = pair.lastIndexOf('=');
    const type = CELL_TYPES.find((one) => one === pair.slice(at + 1));
    if (at < 1 || type === undefined) {
      throw new InvalidArgumentError(`It is infer, text, or a list of name=${CELL_TYPES.join('|')}.`);
    }
    types.set(pair.slice(0, at), type);
  }
  return types;
}

function readRows(word: string): number {
  const rows = Number(word);
  if (/^[1-9]\d{0,4}$/.test(word) && rows <= MAX_PART_ROWS) return rows;
  throw new InvalidArgumentError(`It is a number from 1 to ${MAX_PART_ROWS}.`);
}
