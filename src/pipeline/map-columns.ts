/**
 * What the columns of a CSV become: records as the JSON rows that they stand for. The API takes every cell as a string;
 * whoever imports through it may rename columns, and give them types where that loses nothing.
 */
import type { EntityTraits } from '#job/entity';
import type { Cells } from './csv-record';

export const CELL_TYPES = ['string', 'number', 'boolean'] as const;
export type CellType = (typeof CELL_TYPES)[number];

/** How the columns of a file are to be read. */
export interface ColumnMapping {
  /** Column of the id. */
  idColumn: string;
  /** Column of the company, for users; undefined = `company_id`, when there is one. */
  companyColumn?: string | undefined;
  /** New names of columns, by the ones in the file. */
  renamed: ReadonlyMap<string, string>;
  /** Columns that are left out. */
  skipped: ReadonlySet<string>;
  /** Types that were given, by column of the file. */
  types: ReadonlyMap<string, CellType>;
  /** Whether columns without a given type get one by their cells. */
  infers: boolean;
}

/** What one column of the file becomes. */
export interface Column {
  /** In the file. */
  name: string;
  /** In the row, or in its metadata. */
  key: string;
  place: 'row' | 'metadata' | 'nowhere';
}

/** A mapping that does not fit the file. Its message quotes names of columns: it is for whoever has the file. */
export class MappingError extends Error {}

/** Columns that a message names. */
const MAX_TOLD = 20;

/** The contract's columns: the id, for users the company, and metadata. */
export function placeColumns(
  header: readonly string[],
  { idKey, belongsToCompany }: EntityTraits,
  { idColumn = idKey, companyColumn = 'company_id', renamed, skipped }: Partial<ColumnMapping> = {},
): Column[] {
  return header.map((name): Column => {
    if (name === idColumn) return { name, key: idKey, place: 'row' };
    if (skipped?.has(name)) return { name, key: name, place: 'nowhere' };
    if (belongsToCompany && name === companyColumn) return { name, key: 'company_id', place: 'row' };
    return { name, key: renamed?.get(name) ?? name, place: 'metadata' };
  });
}

/** @throws MappingError when the mapping names a column that is not there, or two columns become one */
export function mapColumns(
  header: readonly string[],
  traits: EntityTraits,
  mapping: ColumnMapping,
): Column[] {
  const { idColumn, companyColumn, renamed, skipped, types } = mapping;
  for (const named of [idColumn, companyColumn, ...renamed.keys(), ...skipped, ...types.keys()]) {
    if (named !== undefined && !header.includes(named)) {
      const columns = header.slice(0, MAX_TOLD).map((name) => JSON.stringify(name));
      const more = header.length > MAX_TOLD ? ' and others' : '';
      throw new MappingError(
        `The CSV has no column ${JSON.stringify(named)}. It has ${columns.join(', ')}${more}.`,
      );
    }
  }
  const columns = placeColumns(header, traits, mapping);
  const seen = new Set<string>();
  for (const { key, place } of columns) {
    const target = `${place} ${key}`;
    if (place !== 'nowhere' && seen.has(target)) {
      throw new MappingError(`Two columns of the CSV would become ${JSON.stringify(key)}.`);
    }
    seen.add(target);
  }
  return columns;
}

/** Only what reads back as it was written: `007`, `1e3`, `+1`, `.5` and 20-digit numbers stay strings. */
const NUMBER = /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,10})?$/;

function fits(cell: string, type: CellType): boolean {
  if (type === 'string' || cell === '') return true;
  return type === 'number' ? NUMBER.test(cell) : cell === 'true' || cell === 'false';
}

/** The narrowest type that all cells have; `string` when all are empty. */
function inferType(cells: Iterable<string>): CellType {
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

/** The type of each column: as it was given, else as the records have it. Ids are always strings. */
export function typesOf(
  columns: readonly Column[],
  { types, infers }: Pick<ColumnMapping, 'types' | 'infers'>,
  records: readonly Cells[],
): CellType[] {
  const rights = records.filter((cells) => cells?.length === columns.length);
  return columns.map(({ name, place }, index) => {
    if (place !== 'metadata') return 'string';
    const given = types.get(name);
    if (given !== undefined || !infers) return given ?? 'string';
    return inferType(rights.map((cells) => cells?.[index] ?? ''));
  });
}

/** Writes the records of one file as JSON rows. */
export class RecordWriter {
  /** Cells that do not have the type of their column and so were written as strings, by column. */
  readonly misfits = new Map<string, number>();

  /** @param types of the columns; default: all strings */
  constructor(
    private readonly columns: readonly Column[],
    private readonly types: readonly CellType[] = [],
  ) {}

  /**
   * As text, because keys such as __proto__ are plain keys. An empty cell is left out; where a key comes twice, the last
   * one counts.
   * @param cells of a record
   * @returns undefined when there are none, or not as many as there are columns
   */
  write(cells: Cells): string | undefined {
    if (cells?.length !== this.columns.length) return undefined;
    const own: string[] = [];
    const metadata: string[] = [];
    for (const [index, { name, key, place }] of this.columns.entries()) {
      const cell = cells[index] ?? '';
      if (cell === '' || place === 'nowhere') continue;
      const type = this.types[index] ?? 'string';
      const isFitting = fits(cell, type);
      if (!isFitting) this.misfits.set(name, (this.misfits.get(name) ?? 0) + 1);
      const value = isFitting && type !== 'string' ? cell : JSON.stringify(cell);
      (place === 'metadata' ? metadata : own).push(`${JSON.stringify(key)}:${value}`);
    }
    return `{${[...own, `"metadata":{${metadata.join(',')}}`].join(',')}}`;
  }
}
