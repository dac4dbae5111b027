/** What was asked for with `muster import`: enough to go on with it, and so what an interrupted import keeps on disk. */
import { z } from 'zod';
import { EXISTING_MODES, METADATA_MODES, NESTED_MODES } from '#job/options';
import { CELL_TYPES, ID_MODES, type Mapping, REPEATS_MODES } from '#job/reading';
import { type FileOptions, FORMATS } from '#pipeline/cut/cut-file';

export const KINDS = ['users', 'companies'] as const;

/** How a file is to be read. Columns are a CSV's. */
export const readingSchema = z.strictObject({
  kind: z.enum(KINDS),
  /** Undefined: by the name of each file, else by its first bytes. */
  format: z.enum(FORMATS).optional(),
  idColumn: z.string().optional(),
  companyColumn: z.string().optional(),
  /** Columns that are left out. */
  skip: z.array(z.string()),
  /** Old and new names of columns. */
  map: z.array(z.tuple([z.string(), z.string()])),
  /** `infer`, `text`, or the types of the columns that are not text. */
  types: z.union([z.enum(['infer', 'text']), z.array(z.tuple([z.string(), z.enum(CELL_TYPES)]))]),
  /** Names of the columns of a file without a header line. */
  columns: z.array(z.string()).optional(),
  delimiter: z.string().optional(),
  encoding: z.string().optional(),
  /** Name or number of the sheet of a workbook. */
  sheet: z.string().optional(),
  nullValues: z.array(z.string()).optional(),
  trueValues: z.array(z.string()).optional(),
  falseValues: z.array(z.string()).optional(),
  decimal: z.enum(['.', ',']).optional(),
  dateFormat: z.string().optional(),
  flat: z.boolean().optional(),
  ids: z.enum(ID_MODES).optional(),
  strict: z.boolean().optional(),
});
export type Reading = z.infer<typeof readingSchema>;

export const importRequestSchema = readingSchema.extend({
  /** Paths from the root, or `-` for standard input. */
  files: z.array(z.string()).min(1),
  batchRows: z.int(),
  batchBytes: z.int(),
  metadata: z.enum(METADATA_MODES).optional(),
  existing: z.enum(EXISTING_MODES).optional(),
  nested: z.enum(NESTED_MODES).optional(),
  repeats: z.enum(REPEATS_MODES).optional(),
  dryRun: z.boolean(),
  /** Path from the root of the file for rows that fail. */
  errors: z.string().optional(),
});
export type ImportRequest = z.infer<typeof importRequestSchema>;

/** What the server is told of it: only what differs from its defaults. */
export function jobOptions({ metadata, existing, nested, repeats, dryRun }: ImportRequest) {
  return {
    ...(metadata && { metadata }),
    ...(existing && { existing }),
    ...(nested && { nested }),
    ...(repeats && repeats !== 'last' && { repeats }),
    ...(dryRun && { dryRun }),
  };
}

/** How a file is read, in the words of the service's own code. */
export function fileOptionsOf(reading: Reading): FileOptions {
  const { delimiter, encoding, flat, ids, strict } = reading;
  return {
    delimiter,
    encoding,
    flat: flat || undefined,
    ids: ids === 'stringify' ? ids : undefined,
    strict: strict || undefined,
    mapping: mappingOf(reading),
  };
}

function mappingOf(reading: Reading): Mapping {
  const { idColumn: id, companyColumn: company, skip, map, types, columns } = reading;
  const { nullValues, trueValues, falseValues, decimal, dateFormat } = reading;
  const typed = typeof types === 'string' ? types : Object.fromEntries(types);
  const given: Mapping = {
    id,
    company,
    columns,
    rename: map.length === 0 ? undefined : Object.fromEntries(map),
    skip: skip.length === 0 ? undefined : skip,
    types: typed === 'text' ? undefined : typed,
    null_values: nullValues,
    true_values: trueValues,
    false_values: falseValues,
    decimal,
    date_format: dateFormat,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
