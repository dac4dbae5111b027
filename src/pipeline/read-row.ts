/**
 * Reads one staged row and checks it against every rule for values; the only place that knows these rules.
 * Pure: the same bytes always give the same answer, in validation and again when the row is applied.
 * Plain checks instead of a schema library, because this runs for every value of every row.
 */
import { isUtf8 } from 'node:buffer';
import { explainJson } from '#file/explain-json';
import { ID_ALIASES } from '#file/find-id-column';
import { ENTITIES, type Entity } from '#job/entity';
import type { PropertyType } from '#job/observations';
import type { NestedMode } from '#job/options';
import { type RowError, rowError } from '#job/outcome';
import { doublesAreExact, isStorableNumber, MAX_FRACTION_DIGITS, metadataNumberTexts } from './exact-numbers';
import { isNested, settleNested } from './settle-nested';

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

const HYPHEN = 0x2d;

type Primitive = string | number | boolean | null;

/** A row that was read. `errors` is empty exactly when the row is accepted. */
export interface ReadRow {
  /** The id when it is a valid one, also of a refused row. */
  id: string | null;
  /** As in AcceptedRow. */
  companyId: string | null | undefined;
  errors: RowError[];
  /** Keys beside the known ones: ignored and reported. */
  ignoredKeys: string[];
  /** Keys of the metadata that were left out because their value is an object or an array. */
  droppedKeys: string[];
  /** Whether a value of the metadata is null. */
  hasNulls: boolean;
  /** JSON text of the metadata, `{}` when absent or null. Made when it is asked for. */
  readonly metadata: string;
  /** Each metadata key with the type of its value; null values have no type. Made when it is asked for. */
  readonly properties: [key: string, type: PropertyType][];
  /** JSON text of the whole row, when PostgreSQL may read it: every member of it was checked. */
  readonly json: string | undefined;
}

class ParsedRow implements ReadRow {
  id: string | null = null;
  companyId: string | null | undefined;
  errors: RowError[] = [];
  ignoredKeys: string[] = [];
  droppedKeys: string[] = [];
  hasNulls = false;
  /** The metadata, once it was found to be an object of keys and values that may be stored. */
  values: Record<string, Primitive> = {};

  constructor(
    private readonly text: string,
    private readonly members = 0,
  ) {}

  get metadata(): string {
    const hasNumbers = Object.values(this.values).some((value) => typeof value === 'number');
    if (!hasNumbers || doublesAreExact(this.text)) return JSON.stringify(this.values);
    return writeExactly(this.values, metadataNumberTexts(this.text));
  }

  get properties(): [key: string, type: PropertyType][] {
    const properties: [string, PropertyType][] = [];
    for (const key of Object.keys(this.values)) {
      const value = this.values[key] as Primitive;
      if (value !== null) properties.push([key, propertyType(value)]);
    }
    return properties;
  }

  get json(): string | undefined {
    // What counts for nothing, a key that is ignored or the first of two of a name, may be more than PostgreSQL can read.
    const areAllChecked =
      this.ignoredKeys.length === 0 &&
      hasOnlyMembers(this.text, this.members + Object.keys(this.values).length);
    return areAllChecked ? this.text : undefined;
  }
}

/**
 * Reads and checks a row.
 * @param raw the row's bytes as they came
 * @param entity which kind of row it is
 * @param nested what becomes of objects and arrays as metadata values
 */
export function readRow(raw: Buffer, entity: Entity, nested: NestedMode = 'reject'): ReadRow {
  if (raw.length > MAX_ROW_BYTES) return refusedRow(rowError('row_too_large'));
  if (!isUtf8(raw)) return refusedRow(rowError('invalid_encoding'));
  const text = raw.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refusedRow(invalidJson(text));
  }
  return checkRow(text, value, entity, nested);
}

/** Why a text is no JSON. */
export function invalidJson(text: string): RowError {
  const { path, message } = explainJson(text);
  return rowError('invalid_json', path, message);
}

/** The same of a row that was parsed already. @param value what JSON.parse has made of the text */
export function readParsedRow(text: string, value: unknown, entity: Entity, nested: NestedMode): ReadRow {
  if (Buffer.byteLength(text) > MAX_ROW_BYTES) return refusedRow(rowError('row_too_large'));
  return checkRow(text, value, entity, nested);
}

function checkRow(text: string, value: unknown, entity: Entity, nested: NestedMode): ReadRow {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    return refusedRow(rowError('not_an_object'));
  const object = value as Record<string, unknown>;
  return nested !== 'reject' && hasNestedValues(object)
    ? readNested(object, text, entity, nested)
    : readObject(object, text, entity);
}

/** Reads a row whose metadata has objects or arrays as values. */
function readNested(
  object: Record<string, unknown>,
  text: string,
  entity: Entity,
  nested: Exclude<NestedMode, 'reject'>,
): ReadRow {
  const settled = settleNested(text, object, nested);
  // Deeper than is looked into: refused as without the option.
  if (settled === undefined) return readObject(object, text, entity);
  const row = readObject(JSON.parse(settled.text) as Record<string, unknown>, settled.text, entity);
  row.droppedKeys = settled.dropped.map(showable);
  return row;
}

function hasNestedValues(object: Record<string, unknown>): boolean {
  const metadata = own(object, 'metadata');
  return isNested(metadata) && !Array.isArray(metadata) && Object.values(metadata).some(isNested);
}

/** A row that could not even be taken apart. */
export function refusedRow(error: RowError): ReadRow {
  const row = new ParsedRow('');
  row.errors.push(error);
  return row;
}

function readObject(object: Record<string, unknown>, text: string, entity: Entity): ParsedRow {
  const { idKey, belongsToCompany } = ENTITIES[entity];
  const keys = Object.keys(object);
  const row = new ParsedRow(text, keys.length);
  for (const key of keys) {
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
  if (id === undefined || id === null || id === '')
    errors.push(rowError('id_missing', idKey, hintOfAlias(object)));
  else if (typeof id === 'string' && !isStorableText(id)) errors.push(rowError('invalid_character', idKey));
  else if (!isId(id)) errors.push(rowError('id_invalid', idKey, hintOfNumber(id)));
  else return id;
  return null;
}

/** Where the id may be instead. */
function hintOfAlias(object: Record<string, unknown>): string | undefined {
  const alias = ID_ALIASES.find((key) => Object.hasOwn(object, key));
  if (alias === undefined) return undefined;
  return `It has the key ${alias}: if that is the id, say mapping={"id":"${alias}"}, or --id-column ${alias} on the command line.`;
}

function hintOfNumber(id: unknown): string | undefined {
  if (typeof id !== 'number') return undefined;
  return 'It is a number: put it in quotes, or say ids=stringify, which takes it as the text that it is.';
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

function readMetadata(metadata: unknown, text: string, row: ParsedRow): void {
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
  // Text that came as UTF-8 has neither U+0000 nor half of a surrogate pair but by an escape.
  const hasEscapes = text.includes('\\u');
  let hasNulls = false;
  // A number beyond the range reads as one of these, but for one with a fraction of thousands of digits.
  let hasLimits = text.length > MAX_FRACTION_DIGITS;
  for (const key of keys) {
    const value = values[key];
    if (value === null) hasNulls = true;
    else if (value === 0 || value === Infinity || value === -Infinity) hasLimits = true;
    const error = checkEntry(key, value, hasEscapes);
    if (error === undefined) continue;
    row.errors.push(error);
    if (row.errors.length >= MAX_ERRORS_PER_ROW) return;
  }
  if (row.errors.length === 0 && hasLimits && mayBeOutOfRange(text)) checkNumbers(text, values, row.errors);
  if (row.errors.length > 0) return;
  row.values = values;
  row.hasNulls = hasNulls;
}

/**
 * Every number that a double or PostgreSQL's numeric cannot hold has an exponent or very many digits, whatever else looks
 * like that.
 */
const HAS_EXPONENT = /\d[eE][+-]?\d/;
const MANY_DIGITS = 300;
const [ZERO, NINE] = [0x30, 0x39];

function mayBeOutOfRange(text: string): boolean {
  if (HAS_EXPONENT.test(text)) return true;
  // By hand: a pattern begins anew at each digit, which takes the square of the length.
  let digits = 0;
  for (let at = 0; at < text.length && digits < MANY_DIGITS; at++) {
    const code = text.charCodeAt(at);
    digits = code >= ZERO && code <= NINE ? digits + 1 : 0;
  }
  return digits === MANY_DIGITS;
}

function checkEntry(key: string, value: unknown, hasEscapes: boolean): RowError | undefined {
  if (key === '' || !isAtMost(key, MAX_KEY_CHARACTERS)) return rowError('metadata_key_invalid', 'metadata');
  if (hasEscapes && !isStorableText(key)) return rowError('invalid_character', 'metadata');
  if (typeof value === 'object' && value !== null)
    return rowError('metadata_value_invalid', `metadata.${key}`);
  if (typeof value !== 'string') return undefined;
  if (!isAtMost(value, MAX_STRING_CHARACTERS)) return rowError('metadata_too_large', `metadata.${key}`);
  return !hasEscapes || isStorableText(value) ? undefined : rowError('invalid_character', `metadata.${key}`);
}

/** Adds an error for each number that cannot be stored. */
function checkNumbers(text: string, values: Record<string, Primitive>, errors: RowError[]): void {
  const numberTexts = metadataNumberTexts(text);
  for (const key of Object.keys(values)) {
    const numberText = numberTexts.get(key);
    if (numberText === undefined || isStorableNumber(numberText)) continue;
    errors.push(rowError('number_out_of_range', `metadata.${key}`));
    if (errors.length >= MAX_ERRORS_PER_ROW) return;
  }
}

/** The metadata as JSON with the numbers as the client wrote them. */
function writeExactly(values: Record<string, Primitive>, numberTexts: ReadonlyMap<string, string>): string {
  const entries = Object.keys(values).map(
    (key) => `${JSON.stringify(key)}:${numberTexts.get(key) ?? JSON.stringify(values[key])}`,
  );
  return `{${entries.join(',')}}`;
}

function propertyType(value: string | number | boolean): PropertyType {
  if (typeof value === 'number') return 'Numeric';
  if (typeof value === 'boolean') return 'Boolean';
  // Quick for most: the pattern has a hyphen there.
  return value.charCodeAt(4) === HYPHEN && ISO_DATE.test(value) ? 'Date' : 'String';
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

/**
 * Whether the objects of a JSON text have so many members together, counting each of those that share a name.
 * False may be a false alarm: a string can hold what looks like the end of a key.
 */
function hasOnlyMembers(text: string, members: number): boolean {
  END_OF_KEY.lastIndex = 0;
  let count = 0;
  while (END_OF_KEY.test(text)) count++;
  return count === members;
}

const END_OF_KEY = /"\s*:/g;

/** A key that goes into a report about the row: storable and not endless, whatever the client sent. */
function showable(key: string): string {
  return key.toWellFormed().replaceAll('\u0000', '\uFFFD').slice(0, MAX_KEY_CHARACTERS).toWellFormed();
}
