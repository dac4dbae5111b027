/** The formats that an import may have, each with its cutter. */
import type { EntityTraits } from '#job/entity';
import { createCsvCutter } from './csv';
import { createJsonArrayCutter } from './json-array';
import { createNdjsonCutter } from './ndjson';
import type { RowCutter } from './row-cutter';

export const FORMATS = ['ndjson', 'json', 'csv'] as const;
export type Format = (typeof FORMATS)[number];

/**
 * Creates a cutter for one body.
 * @param idColumn of a CSV: the column that its header must have; null = none must be there
 */
export function createCutter(
  format: Format,
  { collection, idKey, missingCode: missing }: EntityTraits,
  idColumn: string | null = idKey,
): RowCutter {
  if (format === 'json') return createJsonArrayCutter({ envelope: collection, missing });
  return format === 'csv' ? createCsvCutter({ idColumn, missing }) : createNdjsonCutter();
}
