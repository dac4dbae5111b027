/** Checks values that a client sends for the fields of a schema, and brings them into canonical form. */
import { isDate } from '../language/dates';
import { tokenize } from '../language/tokens';
import type { FieldValue } from '../schema/definition';
import type { CompiledField } from './compile';
import { readKnown } from './match';

const MAX_STRING = 10_000;
const MAX_LIST = 1_000;

/**
 * @returns the value in canonical form (synonyms become the value that they stand for), or a sentence that says what is
 *   wrong, without the value
 */
export function readValue(
  compiled: CompiledField,
  value: unknown,
): { value: FieldValue } | { fault: string } {
  const { definition: field } = compiled;
  switch (field.type) {
    case 'integer':
      if (!Number.isSafeInteger(value)) return { fault: 'must be an integer' };
      return readBounds(field, value as number);
    case 'number':
      if (typeof value !== 'number' || !Number.isFinite(value)) return { fault: 'must be a number' };
      return readBounds(field, value);
    case 'boolean':
      return typeof value === 'boolean' ? { value } : { fault: 'must be true or false' };
    case 'date':
      return typeof value === 'string' && isDate(value)
        ? { value }
        : { fault: 'must be a date such as 2027-01-31' };
    case 'list': {
      if (!Array.isArray(value) || value.length > MAX_LIST || !value.every(isText))
        return { fault: `must be a list of at most ${MAX_LIST} strings` };
      return { value: [...new Set(value.map((item) => canonical(compiled, item) ?? item))] };
    }
    case 'enum': {
      const known = isText(value) ? canonical(compiled, value) : undefined;
      return known === undefined
        ? { fault: `must be one of ${Object.keys(field.values).join(', ')}` }
        : { value: known };
    }
    default:
      return isText(value) ? { value } : { fault: `must be a string of at most ${MAX_STRING} characters` };
  }
}

function readBounds(
  { minimum, maximum }: { minimum?: number | undefined; maximum?: number | undefined },
  value: number,
): { value: number } | { fault: string } {
  if (minimum !== undefined && value < minimum) return { fault: `must be at least ${minimum}` };
  if (maximum !== undefined && value > maximum) return { fault: `must be at most ${maximum}` };
  return { value };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_STRING;
}

/** Longer texts name no known value. */
const MAX_NAME = 200;

/** The known value that a text is the name or a synonym of, in any case. */
function canonical(field: CompiledField, text: string): string | undefined {
  if (field.synonyms.has(text)) return text;
  if (text.length > MAX_NAME) return undefined;
  const tokens = tokenize(text);
  const known = readKnown(tokens, 0, field);
  return known?.length === tokens.length ? known.value : undefined;
}
