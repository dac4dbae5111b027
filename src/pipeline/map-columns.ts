/**
 * What the columns of a table become: its records as the JSON rows that they stand for. By default every cell is a string;
 * a mapping may rename columns, leave them out, and give them types where that loses nothing.
 */
import { type CellConverter, type CellFormat, createCellConverter, TypeInference } from '#file/convert-cell';
import { findColumn, type NamedColumn, nameColumns } from '#file/name-columns';
import type { EntityTraits } from '#job/entity';
import { type RowError, rowError } from '#job/outcome';
import type { CellType, Mapping, Reading } from '#job/reading';

/** What one column of the file becomes. */
export interface Column extends NamedColumn {
  /** In the row, or in its metadata. */
  key: string;
  place: 'row' | 'metadata' | 'nowhere';
}

/** A mapping that does not fit the file. Its message quotes names of columns: it is for whoever has the file. */
export class MappingError extends Error {}

/** What was wrong with a row stands in this column of files that come back; it is nobody's property. */
export const ERROR_COLUMN = 'muster_error';

/** Columns that a message names. */
const MAX_TOLD = 20;
const MAX_TOLD_CHARACTERS = 60;

/** The columns of a header, for people: at most 20 of them. */
export function tellColumns(columns: readonly NamedColumn[]): string {
  const told = columns
    .slice(0, MAX_TOLD)
    .map(({ name }) =>
      JSON.stringify(name.length > MAX_TOLD_CHARACTERS ? `${name.slice(0, MAX_TOLD_CHARACTERS)}…` : name),
    );
  return `${told.join(', ')}${columns.length > MAX_TOLD ? ' and others' : ''}`;
}

/** The columns of a file by its header and how it is read. */
export function planColumns(
  header: readonly string[],
  { idKey, belongsToCompany }: EntityTraits,
  { idColumn, companyColumn, renamed = {}, skipped = [] }: Reading = {},
): Column[] {
  const named = nameColumns(header);
  const placeOf = (name: string) => named.find((column) => column.name === name)?.index;
  const idAt = idColumn ?? placeOf(idKey);
  const companyAt = companyColumn === undefined ? placeOf('company_id') : companyColumn;
  return named.map((column): Column => {
    const { index, name, repeats } = column;
    if (index === idAt) return { ...column, key: idKey, place: 'row' };
    if (name === '' || [name, repeats].includes(ERROR_COLUMN) || skipped.includes(index))
      return { ...column, key: name, place: 'nowhere' };
    if (belongsToCompany && index === companyAt) return { ...column, key: 'company_id', place: 'row' };
    return { ...column, key: renamed[index] ?? name, place: 'metadata' };
  });
}

/**
 * What a mapping says of the columns of a header, by their places.
 * @throws MappingError when it names a column that is not there
 */
export function placeMapping(
  columns: readonly NamedColumn[],
  { rename = {}, skip = [] }: Pick<Mapping, 'rename' | 'skip'>,
): Pick<Reading, 'renamed' | 'skipped'> {
  const renamed = Object.entries(rename).map(([name, key]) => [requireColumn(columns, name).index, key]);
  const skipped = skip.map((name) => requireColumn(columns, name).index);
  return {
    ...(renamed.length > 0 && { renamed: Object.fromEntries(renamed) }),
    ...(skipped.length > 0 && { skipped }),
  };
}

/** The column of this name. @throws MappingError when it is not there */
export function requireColumn(columns: readonly NamedColumn[], name: string): NamedColumn {
  const found = findColumn(columns, name);
  if (found !== undefined) return found;
  throw new MappingError(
    `There is no column ${JSON.stringify(name)}. The columns are: ${tellColumns(columns)}.`,
  );
}

/** @throws MappingError when two columns become one */
export function requireOwnKeys(columns: readonly Column[]): void {
  const seen = new Set<string>();
  for (const { key, place } of columns) {
    const target = `${place} ${key}`;
    if (place !== 'nowhere' && seen.has(target)) {
      throw new MappingError(`Two columns would become ${JSON.stringify(key)}.`);
    }
    seen.add(target);
  }
}

/** Finds the type of each column: as it was given, else as the records have it. Ids are always strings. */
export class ColumnTypes {
  private readonly given: readonly (CellType | undefined)[];
  private readonly inferred: readonly TypeInference[];

  /** @throws MappingError when the mapping gives a type to a column that is not there */
  constructor(columns: readonly Column[], mapping: Pick<Mapping, 'types'> & CellFormat) {
    const byName = typeof mapping.types === 'object' ? mapping.types : {};
    const byColumn = new Map(
      Object.entries(byName).map(([name, type]) => [requireColumn(columns, name).index, type]),
    );
    const converter = createCellConverter(mapping);
    this.given = columns.map(({ index, place }) => {
      if (place !== 'metadata') return 'string';
      return byColumn.get(index) ?? (mapping.types === 'infer' ? undefined : 'string');
    });
    this.inferred = columns.map(() => new TypeInference(converter));
  }

  add(cells: readonly string[]): void {
    for (const [index, inference] of this.inferred.entries())
      if (this.given[index] === undefined) inference.add(cells[index] ?? '');
  }

  get types(): CellType[] {
    return this.inferred.map(({ type }, index) => this.given[index] ?? type);
  }
}

/** Writes the records of one file as JSON rows. */
export class RecordWriter {
  /** Cells that do not have the type of their column and so were written as strings, by column. */
  readonly misfits = new Map<string, number>();
  private readonly converter: CellConverter;

  /** @param types of the columns; default: all strings */
  constructor(
    private readonly columns: readonly Column[],
    private readonly types: readonly CellType[] = [],
    format: CellFormat = {},
  ) {
    this.converter = createCellConverter(format);
  }

  /**
   * As text, because keys such as __proto__ are plain keys. An empty cell is left out, and so is a cell that is missing at
   * the end.
   * @returns the error of a record that has more cells than there are columns
   */
  write(cells: readonly string[]): string | RowError {
    if (cells.length > this.columns.length && cells.slice(this.columns.length).some((cell) => cell !== '')) {
      return rowError(
        'too_many_cells',
        '',
        `It has ${cells.length} cells; there are ${this.columns.length} columns.`,
      );
    }
    const own: string[] = [];
    const metadata: string[] = [];
    for (const { index, name, key, place } of this.columns) {
      const cell = cells[index] ?? '';
      if (cell === '' || place === 'nowhere') continue;
      if (place === 'row') own.push(`${JSON.stringify(key)}:${JSON.stringify(cell)}`);
      else if (!this.converter.isNull(cell))
        metadata.push(`${JSON.stringify(key)}:${this.value(name, index, cell)}`);
    }
    return `{${[...own, `"metadata":{${metadata.join(',')}}`].join(',')}}`;
  }

  private value(name: string, index: number, cell: string): string {
    const type = this.types[index] ?? 'string';
    if (type === 'string') return JSON.stringify(cell);
    const value = this.converter.convert(cell, type);
    if (value === undefined) this.misfits.set(name, (this.misfits.get(name) ?? 0) + 1);
    return value ?? JSON.stringify(cell);
  }
}
