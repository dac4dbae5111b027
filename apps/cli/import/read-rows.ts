/** Cuts an input into rows with the server's own cutters, in constant memory. */
import { AppError } from '#errors';
import type { EntityTraits } from '#job/entity';
import { createCutter } from '#pipeline/cut/create-cutter';
import type { RowCutter } from '#pipeline/cut/row-cutter';
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
  /** The header of a CSV, once the first row has come. */
  header(): Buffer | undefined;
  /** As they come: the rows of each chunk. Throws CliError refused when the input is none of its format. */
  batches: AsyncIterable<InputRow[]>;
}

export function readRows(input: Input, traits: EntityTraits): RowsOfInput {
  // Which column of a CSV is the id's is seen to where columns are mapped, which can say what columns there are.
  const cutter = createCutter(input.format, traits, null);
  return { header: () => cutter.header, batches: cut(input, cutter) };
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
    if (rows.length > 0) yield rows;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new CliError('refused', `${input.name}, behind row ${count}: ${error.message}`);
  }
}
