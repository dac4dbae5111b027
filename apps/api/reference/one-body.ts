/**
 * The document for generators that know one body for each operation and take the first one for it: with `?body=` it has that
 * body only, and their clients have a typed call for it.
 */
import { z } from 'zod';
import { dropUnused } from './drop-unused';

const BODIES = {
  json: 'application/json',
  form: 'multipart/form-data',
  ndjson: 'application/x-ndjson',
  csv: 'text/csv',
} as const;
export type BodyName = keyof typeof BODIES;

export const DOCUMENT_PARAMETERS = {
  body: z
    .enum(Object.keys(BODIES) as [BodyName, ...BodyName[]])
    .optional()
    .meta({
      description:
        'Leaves one body of each import: for generators of clients that know only one for an operation.',
    }),
};

interface Operation {
  requestBody?: { content?: Record<string, unknown> };
}

/** A copy whose operations have this body only, where they have it. */
export function withOneBody(document: object, name: BodyName): object {
  const copy = structuredClone(document) as { paths: Record<string, Record<string, Operation>> };
  const type = BODIES[name];
  for (const operation of Object.values(copy.paths).flatMap((path) => Object.values(path))) {
    const content = operation.requestBody?.content;
    const body = content?.[type];
    if (operation.requestBody !== undefined && body !== undefined)
      operation.requestBody.content = { [type]: body };
  }
  dropUnused(copy);
  return copy;
}
