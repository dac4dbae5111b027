/**
 * Turns records of a CSV into JSON rows: columns renamed, and cells typed where that loses nothing. A column gets the type
 * that all of its cells among the first rows have; a later cell that does not fit stays a string and is counted.
 */

import type { EntityTraits } from '#job/entity';
import { parseRecord } from '#pipeline/csv-record';
import { CliError } from '../exit-codes';
import type { Part } from './cut-parts';

export const CELL_TYPES = ['string', 'number', 'boolean'] as const;
export type CellType = (typeof CELL_TYPES)[number];

export interface CsvMapping {
  /** Column of the id. */
  idColumn: string;
  /** Column of the company, for users; undefined = `company_id`, when there is one. */
  companyColumn: string | undefined;
  /** New names of columns, by old ones. */
  renamed: ReadonlyMap<string, string>;
  /** Types that were given, by column of the file. */
  types: ReadonlyMap<string, CellType>;
  /** Whether columns without a given type get one by their cells. */
  infers: boolean;
}

/** What a column of the file becomes. */
interface Column {
  name: string;
  to: 'id' | 'company' | 'metadata';
  key: string;
}

/** Only what reads back as it was written: `007`, `1e3`, `+1`, `.5` and 20-digit numbers stay strings. */
const NUMBER = /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,10})?$/;

export function fits(cell: string, type: CellType): boolean {
  if (type === 'string' || cell === '') return true;
  return type === 'number' ? NUMBER.test(cell) : cell === 'true' || cell === 'false';
}

/** The narrowest type that all cells have; `string` when all are empty. */
export function inferType(cells: Iterable<string>): CellType {
  let candidates: CellType[] = ['boolean', 'number'];
  let isEmpty = true;
  for (const cell of cells) {
    if (cell === '') continue;
    isEmpty = false;
    candidates = candidates.filter((type) => fits(cell, type));
    if (candidates.length === 0) return 'string';
  }
  return isEmpty ? 'string' : (candidates[0] ?? 'string');
}

/** @throws CliError refused when the mapping names a column that is not there, or two columns become one */
export function planColumns(header: readonly string[], mapping: CsvMapping, traits: EntityTraits): Column[] {
  const { idColumn, companyColumn, renamed, types } = mapping;
  for (const named of [idColumn, companyColumn, ...renamed.keys(), ...types.keys()]) {
    if (named !== undefined && !header.includes(named)) {
      throw new CliError('refused', `The CSV has no column ${JSON.stringify(named)}.`);
    }
  }
  const company = companyColumn ?? 'company_id';
  const columns = header.map((name): Column => {
    if (name === idColumn) return { name, to: 'id', key: traits.idKey };
    if (traits.belongsToCompany && name === company) return { name, to: 'company', key: 'company_id' };
    return { name, to: 'metadata', key: renamed.get(name) ?? name };
  });
  const keys = columns.map(({ to, key }) => `${to} ${key}`);
  const twice = columns.find((_, index) => keys.indexOf(keys[index] ?? '') !== index);
  if (twice !== undefined) {
    throw new CliError('refused', `Two columns of the CSV would become ${JSON.stringify(twice.key)}.`);
  }
  return columns;
}

/** The types of the columns, as they were given or as the rows of a part have them. */
export function inferTypes(
  columns: readonly Column[],
  { types, infers }: CsvMapping,
  { rows }: Part,
): CellType[] {
  const records = rows
    .map(({ raw }) => parseRecord(raw))
    .filter((cells): cells is string[] => cells?.length === columns.length);
  return columns.map(({ name, to }, index) => {
    if (to !== 'metadata') return 'string';
    const given = types.get(name);
    if (given !== undefined || !infers) return given ?? 'string';
    return inferType(records.map((cells) => cells[index] ?? ''));
  });
}

export class CsvRowWriter {
  /** Cells that did not have the type of their column, by column. */
  readonly misfits = new Map<string, number>();

  /** @param types of the columns */
  constructor(
    private readonly columns: readonly Column[],
    private readonly types: readonly CellType[],
  ) {}

  /** The record as a JSON row; undefined when it is none of as many cells as the header has. */
  write(raw: Buffer): Buffer | undefined {
    const cells = parseRecord(raw);
    if (cells?.length !== this.columns.length) return undefined;
    const own: string[] = [];
    const metadata: string[] = [];
    for (const [index, { name, to, key }] of this.columns.entries()) {
      const cell = cells[index] ?? '';
      if (cell === '') continue;
      const type = this.types[index] ?? 'string';
      const isFitting = fits(cell, type);
      if (!isFitting) this.misfits.set(name, (this.misfits.get(name) ?? 0) + 1);
      const value = isFitting && type !== 'string' ? cell : JSON.stringify(cell);
      (to === 'metadata' ? metadata : own).push(`${JSON.stringify(key)}:${value}`);
    }
    return Buffer.from(`{${[...own, `"metadata":{${metadata.join(',')}}`].join(',')}}`);
  }
}
