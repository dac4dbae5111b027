/** How the rows of a file are read: what the client said, and what was found in the file. Kept with the job. */

export const CELL_TYPES = ['string', 'number', 'boolean', 'date'] as const;
export type CellType = (typeof CELL_TYPES)[number];

export const REPEATS_MODES = ['last', 'first', 'fail'] as const;

/**
 * What becomes of rows whose id comes more than once in a file. last: all are applied in their order. first: the later
 * ones are not applied. fail: all of them fail.
 */
export type RepeatsMode = (typeof REPEATS_MODES)[number];

export const ID_MODES = ['strict', 'stringify'] as const;

/** What becomes of an id that is a number. strict: the row fails. stringify: it is taken as the text that it is. */
export type IdMode = (typeof ID_MODES)[number];

/**
 * What becomes of the columns of a table, or of the keys of objects. As the client writes it.
 * - id, company: the column or key of the id, and of the company
 * - columns: names of the columns of a file that has no header line
 * - rename: new names, by the ones in the file; skip: what is left out
 * - types: of the cells. string: as they are; infer: numbers and booleans where that loses nothing; or by column
 * - null_values: cells that count as empty; true_values, false_values: cells that are booleans
 * - decimal: the sign between whole numbers and fractions; the other one may group digits
 * - date_format: how dates are written, such as `dd.MM.yyyy`; they become ISO 8601
 */
export interface Mapping {
  id?: string | undefined;
  company?: string | undefined;
  columns?: string[] | undefined;
  rename?: Record<string, string> | undefined;
  skip?: string[] | undefined;
  types?: 'string' | 'infer' | Record<string, CellType> | undefined;
  null_values?: string[] | undefined;
  true_values?: string[] | undefined;
  false_values?: string[] | undefined;
  decimal?: '.' | ',' | undefined;
  date_format?: string | undefined;
}

/** How the rows of a job are read. What is absent is as it is by default. */
export interface Reading {
  /** Of objects: which keys they have. Of a table: how its cells are written; what it says of columns is settled below. */
  mapping?: Mapping;
  /** Between the cells; a comma when absent. */
  delimiter?: string;
  /** 0-based places of the columns of the id and the company; null = none of them. Absent = by the contract's names. */
  idColumn?: number;
  companyColumn?: number | null;
  /** Keys of columns that do not keep their names, by the place of the column. */
  renamed?: Record<number, string>;
  /** Places of columns that are left out. */
  skipped?: number[];
  /** Types of the cells, by the place of the column. */
  cellTypes?: CellType[];
  /** Keys of the row itself are metadata. */
  flat?: boolean;
  ids?: Exclude<IdMode, 'strict'>;
  repeats?: Exclude<RepeatsMode, 'last'>;
}
