/**
 * Reads one staged row and checks it against every rule for values; the only place that knows these rules.
 * Pure: the same bytes always give the same answer, in validation and again when the row is applied.
 * Plain checks instead of a schema library, because this runs for every value of every row.
 */
import { isUtf8 } from 'node:buffer';
import { ENTITIES, type Entity } from '#job/entity';
import type { PropertyType } from '#job/observations';
import { type RowError, rowError } from '#job/outcome';
import { doublesAreExact, isStorableNumber, metadataNumberTexts } from './exact-numbers';

export const MAX_ROW_BYTES = 1024 * 1024;
const MAX_ID_CHARACTERS = 256;
const MAX_METADATA_KEYS = 1_000;
const MAX_KEY_CHARACTERS = 256;
const MAX_STRING_CHARACTERS = 65_536;
/** A row with a thousand bad values does not need a thousand errors. */
const MAX_ERRORS_PER_ROW = 20;

const CONTROL_CHARACTER = /\p{Cc}/u;
// Date, or date and time, as RFC 3339 and the common forms of ISO 8601 write them.
const ISO_DATE = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?$/;

type Primitive = string | number | boolean | null;

/** A row that was read. `errors` is empty exactly when the row is accepted. */
export interface ReadRow {
  /** The id when it is a valid one, also of a refused row. */
  id: string | null;
  /** As in AcceptedRow. */
  companyId: string | null | undefined;
  /** JSON text of the metadata, `{}` when absent or null. */
  metadata: string;
  errors: RowError[];
  /** Keys beside the known ones: ignored and reported. */
  ignoredKeys: string[];
  /** Each metadata key with the type of its value; null values have no type. */
  properties: [key: string, type: PropertyType][];
}

/**
 * Reads and checks a row.
 * @param raw the row's bytes as they came
 * @param entity which kind of row it is
 */
export function readRow(raw: Buffer, entity: Entity): ReadRow {
  if (raw.length > MAX_ROW_BYTES) return refusedRow(rowError('row_too_large'));
  if (!isUtf8(raw)) return refusedRow(rowError('invalid_encoding'));
  const text = raw.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refusedRow(rowError('invalid_json'));
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    return refusedRow(rowError('not_an_object'));
  return readObject(value as Record<string, unknown>, text, entity);
}

/** A row that could not even be taken apart. */
export function refusedRow(error: RowError): ReadRow {
  return { id: null, companyId: undefined, metadata: '{}', errors: [error], ignoredKeys: [], properties: [] };
}

function readObject(object: Record<string, unknown>, text: string, entity: Entity): ReadRow {
  const { idKey, belongsToCompany } = ENTITIES[entity];
  const row: ReadRow = {
    id: null,
    companyId: undefined,
    metadata: '{}',
    errors: [],
    ignoredKeys: [],
    properties: [],
  };
  for (const key of Object.keys(object)) {
    const known = key === idKey || key === 'metadata' || (belongsToCompany && key === 'company_id');
    if (!known) row.ignoredKeys.push(showable(key));
  }

  row.id = readId(object, idKey, row.errors);
  if (belongsToCompany) row.companyId = readCompanyId(object, row.errors);
  const metadata = own(object, 'metadata');
  if (metadata !== undefined && metadata !== null) readMetadata(metadata, text, row);
  return row;
}

/** Own properties only: `constructor` must not find what every object inherits. */
function own(object: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function readId(object: Record<string, unknown>, idKey: string, errors: RowError[]): string | null {
  const id = own(object, idKey);
  if (id === undefined || id === null || id === '') errors.push(rowError('id_missing', idKey));
  else if (typeof id === 'string' && !isStorableText(id)) errors.push(rowError('invalid_character', idKey));
  else if (!isId(id)) errors.push(rowError('id_invalid', idKey));
  else return id;
  return null;
}

function readCompanyId(object: Record<string, unknown>, errors: RowError[]): string | null | undefined {
  const companyId = own(object, 'company_id');
  if (companyId === undefined || companyId === null) return companyId;
  if (typeof companyId === 'string' && !isStorableText(companyId)) {
    errors.push(rowError('invalid_character', 'company_id'));
  } else if (!isId(companyId)) {
    errors.push(rowError('company_id_invalid', 'company_id'));
  } else {
    return companyId;
  }
  return undefined;
}

/** Kept byte for byte: no trimming, no folding, no normalisation. */
function isId(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    isAtMost(value, MAX_ID_CHARACTERS) &&
    value.trim() !== '' &&
    !CONTROL_CHARACTER.test(value)
  );
}

function readMetadata(metadata: unknown, text: string, row: ReadRow): void {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    row.errors.push(rowError('metadata_invalid', 'metadata'));
    return;
  }
  const values = metadata as Record<string, Primitive>;
  const keys = Object.keys(values);
  if (keys.length > MAX_METADATA_KEYS) {
    row.errors.push(rowError('metadata_too_large', 'metadata'));
    return;
  }
  let hasNumbers = false;
  for (const key of keys) {
    const error = checkEntry(key, values[key]);
    if (error !== undefined) {
      row.errors.push(error);
      if (row.errors.length >= MAX_ERRORS_PER_ROW) return;
      continue;
    }
    const value = values[key] as Primitive;
    hasNumbers ||= typeof value === 'number';
    if (value !== null) row.properties.push([key, propertyType(value)]);
  }
  if (row.errors.length > 0) return;
  row.metadata =
    hasNumbers && !doublesAreExact(text)
      ? writeExactly(values, metadataNumberTexts(text), row.errors)
      : JSON.stringify(values);
}

function checkEntry(key: string, value: unknown): RowError | undefined {
  if (key === '' || !isAtMost(key, MAX_KEY_CHARACTERS)) return rowError('metadata_key_invalid', 'metadata');
  if (!isStorableText(key)) return rowError('invalid_character', 'metadata');
  if (typeof value === 'object' && value !== null)
    return rowError('metadata_value_invalid', `metadata.${key}`);
  if (typeof value !== 'string') return undefined;
  if (!isAtMost(value, MAX_STRING_CHARACTERS)) return rowError('metadata_too_large', `metadata.${key}`);
  return isStorableText(value) ? undefined : rowError('invalid_character', `metadata.${key}`);
}

/** The metadata as JSON with the numbers as the client wrote them. Adds an error for each that cannot be stored. */
function writeExactly(
  values: Record<string, Primitive>,
  numberTexts: ReadonlyMap<string, string>,
  errors: RowError[],
): string {
  const entries = Object.keys(values).map((key) => {
    const numberText = numberTexts.get(key);
    if (numberText === undefined) return `${JSON.stringify(key)}:${JSON.stringify(values[key])}`;
    if (!isStorableNumber(numberText) && errors.length < MAX_ERRORS_PER_ROW) {
      errors.push(rowError('number_out_of_range', `metadata.${key}`));
    }
    return `${JSON.stringify(key)}:${numberText}`;
  });
  return `{${entries.join(',')}}`;
}

function propertyType(value: string | number | boolean): PropertyType {
  if (typeof value === 'number') return 'Numeric';
  if (typeof value === 'boolean') return 'Boolean';
  return ISO_DATE.test(value) ? 'Date' : 'String';
}

/** PostgreSQL's text and jsonb hold neither U+0000 nor half of a surrogate pair. */
function isStorableText(text: string): boolean {
  return !text.includes('\u0000') && text.isWellFormed();
}

/** Characters are Unicode code points, of which a string never has more than UTF-16 units. */
function isAtMost(text: string, characters: number): boolean {
  if (text.length <= characters) return true;
  if (text.length > 2 * characters) return false;
  let count = 0;
  for (const _ of text) count++;
  return count <= characters;
}

/** A key that goes into a report about the row: storable and not endless, whatever the client sent. */
function showable(key: string): string {
  return key.toWellFormed().replaceAll('\u0000', '\uFFFD').slice(0, MAX_KEY_CHARACTERS).toWellFormed();
}
