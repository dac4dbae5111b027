/** Cuts an input into rows with the server's own cutters, in constant memory. */
import { AppError } from '#errors';
import type { Entity } from '#job/entity';
import { createFileCutter, type FileOptions, type SettledFile } from '#pipeline/cut/cut-file';
import type { RowCutter } from '#pipeline/cut/row-cutter';
import { tellFound } from '#unpack/tell-found';
import { SHEET_CSV } from '#unpack/unpack';
import { CliError } from '../exit-codes';
import type { Input } from './open-input';

export interface InputRow {
  /** 1-based among the rows of the input. */
  row: number;
  /** 1-based line of the file where it begins; null for JSON. */
  line: number | null;
  /** As it stands in the input. */
  raw: Buffer;
}

export interface RowsOfInput {
  /** The header of a table, once the first row has come. */
  header(): Buffer | undefined;
  /** How the rows so far are to be read. @throws CliError refused when that cannot be told */
  settle(): SettledFile;
  /** As they come: the rows of each chunk. Throws CliError refused when the input is none of its format. */
  batches: AsyncIterable<InputRow[]>;
}

export function readRows(input: Input, entity: Entity, options: FileOptions): RowsOfInput {
  const isSheet = input.found.container === 'xlsx';
  const warnings = () => tellFound(input.found, options.sheet);
  const declared = { format: input.format, warnings, ...(isSheet && { counts: 'records' as const }) };
  const cutter = createFileCutter(declared, entity, {
    ...options,
    ...(isSheet && SHEET_CSV),
    countsIds: true,
  });
  const settle = () => {
    try {
      return cutter.settle();
    } catch (error) {
      throw refusal(error, input.name);
    }
  };
  return { header: () => cutter.header, settle, batches: cut(input, cutter) };
}

async function* cut(input: Input, cutter: RowCutter): AsyncGenerator<InputRow[], void> {
  let count = 0;
  let rows: InputRow[] = [];
  // A row may be a view on its chunk, and is kept for longer.
  const add = (raw: Buffer, line: number | null) => rows.push({ row: ++count, line, raw: Buffer.from(raw) });
  try {
    for await (const chunk of input.chunks) {
      cutter.push(chunk, add);
      if (rows.length === 0) continue;
      yield rows;
      rows = [];
    }
    cutter.end(add);
  } catch (error) {
    throw refusal(error, count === 0 ? input.name : `${input.name}, behind row ${count}`);
  }
  if (rows.length > 0) yield rows;
  if (count > 0) return;
  const what = cutter.header === undefined ? 'There are no rows.' : 'There is a header line and no rows.';
  throw new CliError('refused', `${input.name}: ${what}`);
}

function refusal(error: unknown, where: string): unknown {
  if (!(error instanceof AppError)) return error;
  return new CliError('refused', `${where}: ${error.details || error.message}`);
}
