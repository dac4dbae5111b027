/** Jean Technologies' wire: users of a domain, made of free text and typed fields. It has no jobs. */
import type { ErrorDialect } from '#dialect/dialect';
import { writeError } from './wire/write-error';

export const jean: ErrorDialect = { name: 'jean', writeError };
