/** What became of a row: one word a row, and the errors of a refused one. */

export const OUTCOMES = ['created', 'updated', 'unchanged', 'failed'] as const;

export type Outcome = (typeof OUTCOMES)[number];

/** What a list of results may say of a row: a row without an outcome is unprocessed. */
export const RESULT_OUTCOMES = [...OUTCOMES, 'unprocessed'] as const;

export type ResultOutcome = (typeof RESULT_OUTCOMES)[number];

/** How many rows had which outcome. */
export type OutcomeCounts = Record<Outcome, number>;

/** The counts of no rows, to be added to. */
export function noRows(): OutcomeCounts {
  return { created: 0, updated: 0, unchanged: 0, failed: 0 };
}

/**
 * Every reason for which a row can fail: code and public sentence. The sentence never quotes the row.
 * docs/errors.md is generated from this table and from the one in src/errors.ts.
 */
export const ROW_ERRORS = {
  invalid_json: 'The row is not valid JSON.',
  too_many_cells: 'The record has more cells than the header has columns.',
  quote_not_closed:
    'A quote opens a cell and is not closed: what follows it was taken for the rest of the cell.',
  invalid_closing_quote:
    'A cell in quotes goes on behind its closing quote: a quote within such a cell is written twice.',
  invalid_encoding: 'The row is not valid UTF-8.',
  not_an_object: 'The row is not a JSON object.',
  id_missing: 'The row has no id.',
  id_invalid:
    'The id must be a string of 1 to 256 characters, not only white space, without control characters.',
  company_id_invalid:
    'The company_id must be null or a string of 1 to 256 characters, not only white space, without control characters.',
  metadata_invalid: 'The metadata must be an object or null.',
  metadata_key_invalid: 'A metadata key must have 1 to 256 characters.',
  metadata_value_invalid: 'A metadata value must be a string, number, boolean or null.',
  metadata_too_large:
    'The metadata, or what would be stored of it, has more than 1,000 keys, a string of more than 65,536 characters, or too many bytes (MAX_PROFILE_BYTES).',
  number_out_of_range: 'The number is beyond the range of a double.',
  invalid_character: 'The text has a character that cannot be stored: U+0000 or half of a surrogate pair.',
  row_too_large: 'The row is larger than 1 MiB.',
  already_exists: 'The id is stored already, and the import was to create only.',
  does_not_exist: 'The id is not stored, and the import was to update only.',
  repeated_id: 'The id comes more than once in the file, and the import was to refuse such rows.',
  storage_error: 'The database refused this row, or could not store it in the time that a row may take.',
} as const satisfies Record<string, string>;

export type RowErrorCode = keyof typeof ROW_ERRORS;

/** One reason why a row was refused. */
export interface RowError {
  code: RowErrorCode;
  /** Where in the row, such as `metadata.age`; empty for the row as a whole. */
  path: string;
  message: string;
}

/** The error with its sentence from the table. @param more a sentence about this row; it never quotes a value */
export function rowError(code: RowErrorCode, path = '', more?: string): RowError {
  const message: string = ROW_ERRORS[code];
  return { code, path, message: more === undefined ? message : `${message} ${more}` };
}
