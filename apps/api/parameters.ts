/** Query parameters: checked by a zod schema; a parameter that is unknown or has a wrong value is refused, never ignored. */
import type { Request } from 'express';
import { z } from 'zod';
import { AppError } from '#errors';
import { publicUrlOf } from './public-address';

/** A whole number in these bounds. */
export function wholeNumber(least: number, most: number) {
  return z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .refine((n) => n >= least && n <= most)
    .meta({ type: 'integer', minimum: least, maximum: most });
}

/** A page size from 1 to `most`. */
export function limit(most: number, standard: number) {
  return wholeNumber(1, most)
    .default(standard)
    .meta({ default: standard, description: `Most items of a page, 1 to ${most}.` });
}

/** `true` or `false`; false when absent. */
export function flag() {
  return z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .default(false)
    .meta({ type: 'boolean', default: false });
}

/** An opaque cursor, as page-cursors.ts makes and opens it. */
export function cursor() {
  return z.string().min(1).max(4096).optional().meta({
    description:
      'Where to go on: from the Link header of the page before. Only for the same list with the same filters.',
  });
}

/** Text that PostgreSQL can compare with. */
export const storableText = z.string().refine((text) => !text.includes('\u0000') && text.isWellFormed());

/** Of an address without parameters. */
export const NO_PARAMETERS = {};

const schemas = new WeakMap<z.ZodRawShape, z.ZodObject>();

/** Made once for each shape, because zod compiles it. */
function schemaOf(shape: z.ZodRawShape): z.ZodObject {
  let schema = schemas.get(shape);
  if (schema === undefined) {
    schema = z.strictObject(shape);
    schemas.set(shape, schema);
  }
  return schema;
}

const defaults = new WeakMap<z.ZodRawShape, object>();

/** What an address without a query string is read as; undefined when a parameter is required. Made once for each shape. */
function defaultsOf(shape: z.ZodRawShape): object | undefined {
  let made = defaults.get(shape);
  if (made === undefined) {
    const read = schemaOf(shape).safeParse({});
    if (!read.success) return undefined;
    made = Object.freeze(read.data);
    defaults.set(shape, made);
  }
  return made;
}

/**
 * Reads the query string.
 * @throws AppError invalid_parameter, which names the parameters but not their values
 */
export function readQuery<Shape extends z.ZodRawShape>(
  req: Request,
  shape: Shape,
): z.output<z.ZodObject<Shape>> {
  const absent = req.url.includes('?') ? undefined : defaultsOf(shape);
  if (absent !== undefined) return absent as z.output<z.ZodObject<Shape>>;
  const read = schemaOf(shape).safeParse(req.query);
  if (read.success) return read.data as z.output<z.ZodObject<Shape>>;
  const known = Object.keys(shape);
  // Of a parameter that is an object, the member, too: one of ours, for others stand at the object itself.
  const wrong = read.error.issues
    .filter(({ path }) => known.includes(String(path[0])))
    .map(({ path }) => path.slice(0, 2).join('.'));
  const details =
    wrong.length > 0
      ? `Not allowed: the value of ${[...new Set(wrong)].join(', ')}.`
      : `Parameters of this address: ${known.join(', ') || 'none'}.`;
  throw new AppError('invalid_parameter', { details });
}

/**
 * Reads one header.
 * @throws AppError invalid_parameter, which names the header but not its value
 */
export function readHeader<Schema extends z.ZodType>(
  req: Request,
  name: string,
  schema: Schema,
): z.output<Schema> {
  const read = schema.safeParse(req.get(name));
  if (read.success) return read.data;
  throw new AppError('invalid_parameter', { details: `Not allowed: the value of the header ${name}.` });
}

/** The `Link` header to the next page: the same address with another cursor. */
export function nextLink(req: Request, cursorText: string): string {
  // Of the request's address only path and query: it may name a host of its own, or look as if.
  const url = new URL(`${publicUrlOf(req)}${req.baseUrl}${req.path}`);
  url.search = new URL(req.originalUrl, 'http://localhost').search;
  url.searchParams.set('cursor', cursorText);
  return `<${url.href}>; rel="next"`;
}
