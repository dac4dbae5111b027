/** What stands where a row is wrong, for whoever has uploaded it and asks for it; never for logs. */
import type { RowError } from '#job/outcome';
import { isError, type RowWriter } from './create-row-reader';

/** An error with what stands at its path. */
export interface QuotedError extends RowError {
  value?: string;
}

const MAX_CHARACTERS = 60;

/** The errors of a row, each with the beginning of the value that it is about, where there is one. */
export function quoteValues(
  errors: readonly RowError[],
  raw: Buffer,
  line: number | null,
  write: RowWriter,
): QuotedError[] {
  const json = write(raw, line);
  if (isError(json)) return [...errors];
  let row: unknown;
  try {
    row = JSON.parse(json.toString('utf8'));
  } catch {
    return [...errors];
  }
  return errors.map((error) => {
    const value = valueAt(row, error.path);
    if (value === undefined) return error;
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    const characters = [...text.slice(0, 2 * MAX_CHARACTERS + 2)];
    const isCut = characters.length > MAX_CHARACTERS;
    const quoted = isCut ? `${characters.slice(0, MAX_CHARACTERS - 1).join('')}…` : text;
    return { ...error, value: quoted.toWellFormed() };
  });
}

/** A path is a key of the row, or one of its metadata, which may have dots. */
function valueAt(row: unknown, path: string): unknown {
  if (path === '' || path === 'metadata') return undefined;
  const key = path.startsWith('metadata.') ? path.slice('metadata.'.length) : path;
  const object = key === path ? row : memberOf(row, 'metadata');
  return memberOf(object, key);
}

function memberOf(object: unknown, key: string): unknown {
  const isObject = typeof object === 'object' && object !== null;
  return isObject && Object.hasOwn(object, key) ? (object as Record<string, unknown>)[key] : undefined;
}
