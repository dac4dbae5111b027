import { type Command, InvalidArgumentError, Option } from 'commander';
import { ENTITIES, type Entity } from '#job/entity';
import { type JobWarning, wordWarning } from '#job/observations';
import { NESTED_MODES, type NestedMode } from '#job/options';
import type { SettledFile } from '#pipeline/cut/cut-file';
import { type ReadRow, readRow, refusedRow } from '#pipeline/read-row';
import { SeenIds } from '#pipeline/seen-ids';
import type { GlobalFlags } from '../connection';
import { exitCode } from '../exit-codes';
import type { FailedRow } from '../import/error-file';
import { addReadingOptions, type ReadingFlags, readingOf } from '../import/flags';
import { openInput } from '../import/open-input';
import { type PreparedRow, prepareRows } from '../import/prepare-rows';
import { readRows } from '../import/read-rows';
import { fileOptionsOf } from '../import/request';
import { tellFound } from '../import/tell-found';
import { count, printable, writeJson } from '../show';

type ValidateFlags = Pick<GlobalFlags, 'json' | 'quiet'> & ReadingFlags & { max: number; nested: NestedMode };

/** Names of ignored keys that are told; a file whose keys are data has endless ones. */
const MAX_IGNORED_KEYS = 20;

/** `validate`: the server's own check of every row, here. */
export function addValidate(program: Command): void {
  const command = program
    .command('validate')
    .summary('check a file without a server')
    .description(
      'Checks every row by the rules of the server, without one: what ids are stored there it cannot know. Exit code 2 ' +
        'when rows would fail.',
    )
    .argument('<file>', 'the file, or - for standard input');
  addReadingOptions(command)
    .option('--max <rows>', 'shows so many failed rows at most; all are counted', readMax, 20)
    .addOption(
      new Option('--nested <mode>', 'what becomes of objects and arrays as values')
        .choices(NESTED_MODES)
        .default('reject'),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  muster validate users.ndjson\n  muster validate export.csv --id-column uuid --json\n',
    )
    .action(async (file: string) => {
      process.exitCode = await validate(file, command.optsWithGlobals<ValidateFlags>());
    });
}

async function validate(file: string, flags: ValidateFlags): Promise<number> {
  const entity: Entity = flags.kind === 'users' ? 'user' : 'company';
  const reading = readingOf(flags);
  const input = await openInput(file, reading);
  const rows = readRows(input, entity, fileOptionsOf(reading));
  const found: SettledFile[] = [];
  const prepared = prepareRows(rows, entity, (settled) => found.push(settled));
  const ids = new SeenIds();
  const ignored = new Map<string, number>();
  let [total, failed] = [0, 0];
  for await (const batch of prepared.batches) {
    for (const row of batch) {
      total++;
      const { id, errors, ignoredKeys, droppedKeys } = check(row, entity, flags.nested);
      for (const key of ignoredKeys) countKey(ignored, key);
      for (const key of droppedKeys) countKey(ignored, `metadata.${key}`);
      if (errors.length === 0) {
        if (id !== null) ids.add(id, total);
        continue;
      }
      failed++;
      if (failed <= flags.max) showFailed({ input: row.input, id, errors }, flags);
    }
  }
  const warnings = found.flatMap((settled) => settled.warnings);
  const ofIds = idWarnings(ids, ENTITIES[entity].idKey);
  if (flags.json) {
    const told = [
      ...warnings.map(({ code, path, detail }) =>
        wordWarning({ code, path, type: detail, knownTypes: null, rows: total }),
      ),
      ...ofIds,
    ];
    writeJson({ rows: total, failed, ignored_keys: Object.fromEntries(ignored), warnings: told });
  } else if (!flags.quiet) {
    if (failed > flags.max) process.stdout.write(`... and ${count(failed - flags.max)} more.\n`);
    for (const [key, times] of ignored) {
      process.stdout.write(`${printable(key)}: a key of ${rowsOf(times)} that is not stored.\n`);
    }
    for (const sentence of found.flatMap(tellFound)) process.stdout.write(`${sentence}\n`);
    for (const { message, rows: of } of ofIds) process.stdout.write(`${message} (${rowsOf(of)})\n`);
    process.stdout.write(`${rowsOf(total)}, ${count(failed)} would fail.\n`);
  }
  return exitCode(failed > 0 ? 'rows_failed' : 'ok');
}

function rowsOf(number: number): string {
  return `${count(number)} ${number === 1 ? 'row' : 'rows'}`;
}

/** What the job would warn of. */
function idWarnings({ repeated, similar }: SeenIds, path: string): JobWarning[] {
  const all = [
    wordWarning({
      code: 'repeated_ids',
      path,
      type: String(repeated.ids),
      knownTypes: null,
      rows: repeated.rows,
    }),
    wordWarning({
      code: 'similar_ids',
      path,
      type: String(similar.ids),
      knownTypes: null,
      rows: similar.rows,
    }),
  ];
  return all.filter(({ rows }) => rows > 0);
}

type CheckedRow = Pick<ReadRow, 'id' | 'errors' | 'ignoredKeys' | 'droppedKeys'>;

function check(row: PreparedRow, entity: Entity, nested: NestedMode): CheckedRow {
  return 'error' in row ? refusedRow(row.error) : readRow(row.json, entity, nested);
}

function countKey(ignored: Map<string, number>, key: string): void {
  if (!ignored.has(key) && ignored.size === MAX_IGNORED_KEYS) return;
  ignored.set(key, (ignored.get(key) ?? 0) + 1);
}

function showFailed({ input: { row, line }, id, errors }: FailedRow, flags: ValidateFlags): void {
  if (flags.json) writeJson({ row, line, id, errors });
  if (flags.json || flags.quiet) return;
  const where = line === null ? `Row ${row}` : `Line ${line}`;
  const whose = id === null ? '' : ` (${printable(id)})`;
  for (const { path, message } of errors) {
    process.stdout.write(`${where}${whose}${path ? `, ${printable(path)}` : ''}: ${message}\n`);
  }
}

function readMax(word: string): number {
  if (/^\d{1,7}$/.test(word)) return Number(word);
  throw new InvalidArgumentError('It is a number from 0 to 9,999,999.');
}
