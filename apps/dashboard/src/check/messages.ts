/** What the page asks the worker, and what the worker answers. */
import type { NestedMode } from '#job/options';
import type { RowError } from '#job/outcome';
import type { CellType, Mapping as WireMapping } from '#job/reading';

export type { CellType, RowError, WireMapping };
export type Kind = 'users' | 'companies';

/** Stands for the type of a column that is not imported. */
export const LEFT_OUT = 'left out';

/** How the columns of a table are read. Arrays, by the place of the column. */
export interface Mapping {
  idColumn: string;
  /** Undefined: none of them. */
  companyColumn: string | undefined;
  /** New name of each column that becomes metadata. */
  names: string[];
  types: (CellType | typeof LEFT_OUT)[];
}

/** A file, and what somebody has said of how it is to be read. */
export interface OpenedFile {
  file: File;
  kind: Kind;
  /** Undefined: as it is found in the file. */
  delimiter: string | undefined;
}

export interface FileTask extends OpenedFile {
  /** What becomes of objects and arrays as metadata values. */
  nested: NestedMode;
  /** Undefined: as the service reads it, without a mapping. */
  mapping: WireMapping | undefined;
}

export type Task = ({ name: 'describe' } & OpenedFile) | ({ name: 'check' } & FileTask);

/** What a file is, and the columns of a table, by its first rows. */
export interface Columns {
  /** For people: `CSV`, `JSON`, or the name of what is packed or a sheet and can be read by the service only. */
  format: string;
  /** Whether it can be looked into here. */
  isReadable: boolean;
  /** What divides the cells of a table. */
  delimiter: string | undefined;
  /** The column that the service takes for the id by itself. */
  idColumn: string | undefined;
  /** Empty for what is no table. */
  header: string[];
  /** Some cells of each column. */
  samples: string[][];
  /** The narrowest type that the cells of a column have. */
  types: CellType[];
}

export interface FoundError extends RowError {
  row: number;
  /** Null in a JSON file. */
  line: number | null;
  id: string | null;
}

export interface PreviewRow {
  row: number;
  id: string | null;
  companyId: string | null;
  /** JSON text. */
  metadata: string;
  errors: RowError[];
}

export interface CheckProgress {
  bytes: number;
  rows: number;
  failedRows: number;
}

export interface CheckResult extends CheckProgress {
  /** The first MAX_ERRORS. */
  errors: FoundError[];
  preview: PreviewRow[];
  /** Why the service would refuse the file as a whole. */
  fault: string | null;
  /** Cells that stay strings because they do not have the type of their column. */
  misfits: [column: string, cells: number][];
  /** The first MAX_LEFT_OUT_KEYS keys of the metadata that are left out of rows, because their values are nested. */
  leftOut: [key: string, rows: number][];
  /** What was found in the file, in sentences. */
  found: string[];
}

export const MAX_ERRORS = 10_000;
export const MAX_LEFT_OUT_KEYS = 20;

export interface Results {
  describe: Columns;
  check: CheckResult;
}

export type Answer =
  | { name: 'progress'; progress: CheckProgress }
  | { name: 'done'; result: Results[keyof Results] }
  | { name: 'broken'; message: string };
