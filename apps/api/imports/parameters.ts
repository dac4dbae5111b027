/** What a client may say beside the rows of an import. */
import { z } from 'zod';
import { DELIMITER_NAMES, isDelimiter } from '#file/detect-delimiter';
import { MAPPING } from '#job/mapping-schema';
import { EXISTING_MODES, METADATA_MODES, NESTED_MODES } from '#job/options';
import { ID_MODES, type Mapping, REPEATS_MODES } from '#job/reading';
import type { FileOptions } from '#pipeline/cut/cut-file';
import { flag } from '../parameters';

const DELIMITERS_BY_NAME = new Map(Object.entries(DELIMITER_NAMES).map(([sign, name]) => [name, sign]));

const delimiter = z
  .string()
  .transform((text) => DELIMITERS_BY_NAME.get(text) ?? text)
  .refine(isDelimiter)
  .optional()
  .meta({
    description:
      'What divides the cells of a table: one character, or comma, semicolon, tab, pipe. Found in the file when absent.',
  });

const encoding = z
  .string()
  .max(40)
  .transform((label, context) => {
    try {
      return new TextDecoder(label).encoding;
    } catch {
      context.addIssue({ code: 'custom' });
      return z.NEVER;
    }
  })
  .optional()
  .meta({
    description:
      'Encoding of a file of NDJSON or CSV, a label of the Encoding Standard such as windows-1252 or utf-16le. Found in the file when absent: UTF-8, UTF-16, and of a CSV that is neither, the likeliest other one.',
  });

const sheet = z.string().min(1).max(100).optional().meta({
  description:
    'Which sheet of a workbook (XLSX): its name, or its number counted from 1. The first visible one with text when absent.',
});

const mapping = z
  .string()
  .max(1024 * 1024)
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: 'custom' });
      return z.NEVER;
    }
  })
  .pipe(MAPPING);

/** @returns undefined when it is none */
export function readMapping(text: string): Mapping | undefined {
  const read = mapping.safeParse(text);
  return read.success ? read.data : undefined;
}

export const onBusy = z.enum(['reject', 'queue']).default('reject').meta({
  description:
    'What to do while another job of the environment is not finished: refuse with 409, or wait for its turn (first in, first out, at most 10 waiting jobs).',
});

export const IMPORT_PARAMETERS = {
  dry_run: flag().meta({
    description:
      'Only say what would happen: no user is written, no slot is taken, the throttle does not hold.',
  }),
  metadata: z.enum(METADATA_MODES).default('merge').meta({
    description:
      'merge (RFC 7396): keys that are not sent stay, null removes a key. replace: the metadata becomes what is sent.',
  }),
  existing: z.enum(EXISTING_MODES).default('upsert').meta({
    description:
      'create_only: a row whose id is stored already fails with already_exists. update_only: one whose id is not stored fails with does_not_exist.',
  }),
  nested: z.enum(NESTED_MODES).default('reject').meta({
    description:
      'What becomes of an object or array as a metadata value. reject: the row fails with metadata_value_invalid. ignore: the key is left out, with a warning. flatten: address.city, tags.0.',
  }),
  delimiter,
  encoding,
  sheet,
  mapping: mapping.optional().meta({
    description:
      'What becomes of the columns of a table, or of the keys of objects: JSON such as {"id":"Contact ID","rename":{"Plan name":"plan"},"skip":["Notes"],"types":"infer"}. Also as the part `mapping` of a form. See docs/files.md.',
  }),
  flat: flag().meta({ description: 'Keys of the row itself, beside the ids, are metadata.' }),
  ids: z.enum(ID_MODES).default('strict').meta({
    description:
      'An id that is a number. strict: the row fails. stringify: it is taken as the text that it is.',
  }),
  repeats: z.enum(REPEATS_MODES).default('last').meta({
    description:
      'Rows whose id comes more than once. last: all are applied in their order. first: the later ones are not applied. fail: all of them fail with repeated_id.',
  }),
  strict: flag().meta({
    description: 'Whether a table is refused whose header has a blank or a repeated name.',
  }),
  on_busy: onBusy,
};

/** How the file is to be read, as far as the parameters say it. */
export function fileOptionsOf(query: {
  delimiter?: string | undefined;
  encoding?: string | undefined;
  sheet?: string | undefined;
  mapping?: Mapping | undefined;
  flat: boolean;
  ids: (typeof ID_MODES)[number];
  repeats: (typeof REPEATS_MODES)[number];
  strict: boolean;
}): FileOptions {
  const { delimiter, encoding, sheet, mapping, flat, ids, repeats, strict } = query;
  return {
    delimiter,
    encoding,
    sheet,
    mapping,
    flat: flat || undefined,
    ids: ids === 'strict' ? undefined : ids,
    repeats: repeats === 'last' ? undefined : repeats,
    strict: strict || undefined,
  };
}

/** Header Idempotency-Key. */
export const IDEMPOTENCY_KEY = z.string().min(1).max(255).optional().meta({
  description:
    'A repeated request with this key is answered with the first one’s 202 and Idempotent-Replayed: true. Remembered for at least 24 hours.',
});
