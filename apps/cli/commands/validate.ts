import { type Command, InvalidArgumentError, Option } from 'commander';
import { ENTITIES, type Entity } from '#job/entity';
import { parseRecord } from '#pipeline/csv-record';
import { readRow } from '#pipeline/read-row';
import type { GlobalFlags } from '../connection';
import { exitCode } from '../exit-codes';
import { checkPart } from '../import/check-part';
import { CsvRowWriter, inferTypes, planColumns } from '../import/csv-row';
import { cutParts, MAX_PART_BYTES, MAX_PART_ROWS } from '../import/cut-parts';
import { FORMATS, type Format, openInput } from '../import/open-input';
import { readRows } from '../import/read-rows';
import { printable, writeJson } from '../show';

interface ValidateFlags extends GlobalFlags {
  kind: 'users' | 'companies';
  format?: Format;
  idColumn?: string;
  companyColumn?: string;
  max: number;
}

/** `validate`: the server's own check of every row, here. */
export function addValidate(program: Command): void {
  program
    .command('validate')
    .summary('check a file without a server')
    .description(
      'Checks every row by the rules of the server, without one. Exit code 2 when rows would fail.',
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
    .option('--max <errors>', 'shows so many rows at most; all are counted', readMax, 20)
    .addHelpText(
      'after',
      '\nExamples:\n  muster validate users.ndjson\n  muster validate export.csv --id-column uuid --json\n',
    )
    .action(async (file: string, _flags: unknown, command: Command) => {
      process.exitCode = await validate(file, command.optsWithGlobals<ValidateFlags>());
    });
}

async function validate(file: string, flags: ValidateFlags): Promise<number> {
  const entity: Entity = flags.kind === 'users' ? 'user' : 'company';
  const traits = ENTITIES[entity];
  const mapping = {
    idColumn: flags.idColumn ?? traits.idKey,
    companyColumn: flags.companyColumn,
    renamed: new Map(),
    types: new Map(),
    infers: true,
  };
  const input = await openInput(file, flags.format);
  const rows = readRows(input, traits, mapping.idColumn);
  let writer: CsvRowWriter | undefined;
  let [count, failed] = [0, 0];
  const tell = (row: number, line: number | null, id: string | null, errors: unknown[]) => {
    failed++;
    if (failed > flags.max) return;
    if (flags.json) writeJson({ row, line, id, errors });
    else if (!flags.quiet)
      process.stdout.write(describe(row, line, id, errors as { message: string; path: string }[]));
  };
  for await (const part of cutParts(rows.batches, { rows: MAX_PART_ROWS, bytes: MAX_PART_BYTES })) {
    const header = rows.header();
    if (writer === undefined && header !== undefined) {
      const columns = planColumns(parseRecord(header) ?? [], mapping, traits);
      writer = new CsvRowWriter(columns, inferTypes(columns, mapping, part));
    }
    const { sendable, refused } = checkPart(part, writer);
    count += part.rows.length;
    for (const { input: at, id, errors } of refused) tell(at.row, at.line, id, errors);
    for (const { input: at, json } of sendable) {
      const { id, errors } = readRow(json, entity);
      if (errors.length > 0) tell(at.row, at.line, id, errors);
    }
  }
  if (flags.json) writeJson({ rows: count, failed });
  else if (!flags.quiet)
    process.stdout.write(`${count.toLocaleString('en')} rows, ${failed.toLocaleString('en')} would fail.\n`);
  return exitCode(failed > 0 ? 'rows_failed' : 'ok');
}

function describe(
  row: number,
  line: number | null,
  id: string | null,
  errors: readonly { message: string; path: string }[],
): string {
  const where = line === null ? `Row ${row}` : `Line ${line}`;
  const whose = id === null ? '' : ` (${printable(id)})`;
  return errors
    .map(({ path, message }) => `${where}${whose}${path ? `, ${printable(path)}` : ''}: ${message}\n`)
    .join('');
}

function readMax(word: string): number {
  if (/^\d{1,7}$/.test(word)) return Number(word);
  throw new InvalidArgumentError('It is a number from 0 to 9,999,999.');
}
