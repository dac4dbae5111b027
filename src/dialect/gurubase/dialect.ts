/** Gurubase's wire: profiles with a memory, upserted within the request. It has no jobs. */
import type { ErrorDialect } from '#dialect/dialect';
import { writeError } from './write-answer';

export const gurubase: ErrorDialect = { name: 'gurubase', writeError };
