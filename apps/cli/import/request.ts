/** What was asked for with `muster import`: enough to go on with it, and so what an interrupted import keeps on disk. */
import { z } from 'zod';
import { EXISTING_MODES, METADATA_MODES, NESTED_MODES } from '#job/options';
import { FORMATS } from '#pipeline/cut/create-cutter';
import { CELL_TYPES } from '#pipeline/map-columns';

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
  dryRun: z.boolean(),
  /** Path from the root of the file for rows that fail. */
  errors: z.string().optional(),
});
export type ImportRequest = z.infer<typeof importRequestSchema>;

/** What the server is told of it: only what differs from its defaults. */
export function jobOptions({ metadata, existing, nested, dryRun }: ImportRequest) {
  return {
    ...(metadata && { metadata }),
    ...(existing && { existing }),
    ...(nested && { nested }),
    ...(dryRun && { dryRun }),
  };
}
