/** What the page asks the worker, and what the worker answers. */
import type { NestedMode } from '#job/options';
import type { RowError } from '#job/outcome';
import type { Format } from '#pipeline/cut/create-cutter';
import type { CellType } from '#pipeline/map-columns';

export type { CellType, Format, RowError };
export type Kind = 'users' | 'companies';

/** Stands for the type of a column that is not imported. */
export const LEFT_OUT = 'left out';

/** How the columns of a CSV are read. Arrays, by the place of the column. */
export interface Mapping {
  idColumn: string;
  /** Undefined: none of them. */
  companyColumn: string | undefined;
  /** New name of each column that becomes metadata. */
  names: string[];
  types: (CellType | typeof LEFT_OUT)[];
}

export interface FileTask {
  file: File;
  format: Format;
  kind: Kind;
  /** What becomes of objects and arrays as metadata values. */
  nested: NestedMode;
  /** Null: as the service reads it, without a mapping. */
  mapping: Mapping | null;
}

export type Task =
  | { name: 'describe'; file: File }
  | ({ name: 'check' } & FileTask)
  | ({ name: 'convert' } & FileTask);

/** The columns of a CSV by its first rows. */
export interface Columns {
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
}

export const MAX_ERRORS = 10_000;
export const MAX_LEFT_OUT_KEYS = 20;

export interface Results {
  describe: Columns;
  check: CheckResult;
  convert: Blob;
}

export type Answer =
  | { name: 'progress'; progress: CheckProgress }
  | { name: 'done'; result: Results[keyof Results] }
  | { name: 'broken'; message: string };
