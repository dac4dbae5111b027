/** What a client may say of the columns of a file. */
import { z } from 'zod';
import { CELL_TYPES, type Mapping } from './reading';

/** The id, and as many others as a row may have keys of metadata. */
const MAX_COLUMNS = 1_001;
const name = z.string().min(1).max(1_000);
const words = z.array(z.string().max(256)).max(100);

export const MAPPING = z.strictObject({
  id: name.optional(),
  company: name.optional(),
  columns: z.array(z.string().max(1_000)).min(1).max(MAX_COLUMNS).optional(),
  rename: z.record(z.string(), name).optional(),
  skip: z.array(name).max(MAX_COLUMNS).optional(),
  types: z.union([z.enum(['string', 'infer']), z.record(z.string(), z.enum(CELL_TYPES))]).optional(),
  null_values: words.optional(),
  true_values: words.optional(),
  false_values: words.optional(),
  decimal: z.enum(['.', ',']).optional(),
  date_format: z.string().min(4).max(64).optional(),
}) satisfies z.ZodType<Mapping>;
