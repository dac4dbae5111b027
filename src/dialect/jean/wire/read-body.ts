/** Bodies of POST /v1/users and POST /v1/context. Source: Jean Technologies' page "Upsert user"; limits are ours. */
import { parse, stringify } from 'lossless-json';
import { AppError } from '#errors';
import type { CompiledSchema } from '../extract/compile';
import { readValue } from '../extract/read-value';
import type { FieldValue } from '../schema/definition';

export const MAX_CONTEXT_CHARACTERS = 100_000;
const MAX_ID_CHARACTERS = 256;
const MAX_MEMORY_REF = 2_048;
const MAX_KEYS = 1_000;
const MAX_KEY_CHARACTERS = 256;
const MAX_DEPTH = 100;
const CONTROL_CHARACTER = /\p{Cc}/u;
const SPACE_OR_CONTROL = /[\s\p{Cc}]/u;

export interface UpsertBody {
  userId: string;
  domain: string;
  /** undefined when there is none. */
  context: string | undefined;
  memoryRef: string | undefined;
  /** Values of `fields` as JSON gives them; undefined when there are none. */
  fields: Readonly<Record<string, unknown>> | undefined;
  /** The same as JSON texts with every digit. */
  fieldTexts: ReadonlyMap<string, string>;
  /** Keys of the body that mean nothing here. */
  unknownKeys: readonly string[];
}

const KEYS = {
  upsert: ['user_id', 'domain', 'context', 'fields', 'memory_ref'],
  append: ['user_id', 'domain', 'context'],
};

/**
 * @param text the body, valid JSON; `value` is what it says
 * @throws AppError invalid_request, which names the field
 */
export function readBody(kind: keyof typeof KEYS, text: string, value: unknown): UpsertBody {
  if (!isObject(value)) throw invalid('The body must be a JSON object.', '');
  const userId = readId(value.user_id);
  const domain = value.domain;
  if (domain === undefined || domain === null || domain === '')
    throw invalid("Field 'domain' is required.", 'domain');
  if (typeof domain !== 'string') throw invalid("Field 'domain' must be a string.", 'domain');
  const context = readContext(value.context);
  if (kind === 'append' && context === undefined) throw invalid("Field 'context' is required.", 'context');
  const fields = kind === 'upsert' ? readFieldsObject(value.fields) : undefined;
  return {
    userId,
    domain,
    context,
    memoryRef: kind === 'upsert' ? readMemoryRef(value.memory_ref) : undefined,
    fields,
    fieldTexts: fields === undefined ? new Map() : readTexts(text),
    unknownKeys: Object.keys(value).filter((key) => !KEYS[kind].includes(key)),
  };
}

function readId(id: unknown): string {
  if (id === undefined || id === null || id === '') throw invalid("Field 'user_id' is required.", 'user_id');
  const isId =
    typeof id === 'string' &&
    isStorable(id) &&
    id.trim() !== '' &&
    [...id].length <= MAX_ID_CHARACTERS &&
    !CONTROL_CHARACTER.test(id);
  if (isId) return id;
  throw invalid(
    `Field 'user_id' must be a string of 1 to ${MAX_ID_CHARACTERS} characters without control characters.`,
    'user_id',
  );
}

function readContext(context: unknown): string | undefined {
  if (context === undefined || context === null) return undefined;
  if (typeof context !== 'string') throw invalid("Field 'context' must be a string.", 'context');
  // Code points are at least half of the code units: most texts need no count.
  const isLong =
    context.length > MAX_CONTEXT_CHARACTERS &&
    (context.length > 2 * MAX_CONTEXT_CHARACTERS || [...context].length > MAX_CONTEXT_CHARACTERS);
  if (isLong)
    throw invalid(`Field 'context' may have at most ${MAX_CONTEXT_CHARACTERS} characters.`, 'context');
  if (!isStorable(context))
    throw invalid(
      "Field 'context' has a character that cannot be stored (U+0000 or half of a pair).",
      'context',
    );
  return context.trim() === '' ? undefined : context;
}

function readMemoryRef(ref: unknown): string | undefined {
  if (ref === undefined || ref === null) return undefined;
  const isUri =
    typeof ref === 'string' &&
    ref.length <= MAX_MEMORY_REF &&
    !SPACE_OR_CONTROL.test(ref) &&
    isStorable(ref) &&
    URL.canParse(ref);
  if (isUri) return ref;
  throw invalid(
    `Field 'memory_ref' must be a URI of at most ${MAX_MEMORY_REF} characters, such as jeanmemory://tenant/u_alice.`,
    'memory_ref',
  );
}

function readFieldsObject(fields: unknown): Record<string, unknown> | undefined {
  if (fields === undefined || fields === null) return undefined;
  if (!isObject(fields)) throw invalid("Field 'fields' must be an object.", 'fields');
  const keys = Object.keys(fields);
  if (keys.length > MAX_KEYS) throw invalid(`Field 'fields' may have at most ${MAX_KEYS} keys.`, 'fields');
  if (keys.some((key) => key === '' || key.length > MAX_KEY_CHARACTERS || !isStorable(key)))
    throw invalid(`The keys of 'fields' must have 1 to ${MAX_KEY_CHARACTERS} storable characters.`, 'fields');
  checkDepth(fields);
  return fields;
}

/** Level by level, because recursion would run out of stack on what is refused here. */
function checkDepth(fields: object): void {
  let level: object[] = [fields];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > MAX_DEPTH)
      throw invalid(`Field 'fields' is nested deeper than ${MAX_DEPTH} levels.`, 'fields');
    const next: object[] = [];
    for (const container of level) {
      for (const [key, value] of Object.entries(container)) {
        if (!isStorable(key) || (typeof value === 'string' && !isStorable(value)))
          throw invalid("Field 'fields' has a character that cannot be stored.", 'fields');
        if (typeof value === 'object' && value !== null) next.push(value as object);
      }
    }
    level = next;
  }
}

function readTexts(text: string): Map<string, string> {
  const exact = parse(text, null, { onDuplicateKey: ({ newValue }) => newValue }) as { fields: object };
  return new Map(Object.entries(exact.fields).map(([key, value]) => [key, stringify(value) ?? 'null']));
}

/** What `fields` says in the terms of a schema. */
export interface ReadFields {
  /** Values in canonical form; null takes back what an earlier call has sent. */
  explicit: ReadonlyMap<string, FieldValue | null>;
  /** JSON texts of keys that the schema does not know; `null` takes one back. */
  extras: ReadonlyMap<string, string>;
}

/** @throws AppError invalid_request when a known field has a value of another type */
export function readFields({ fields }: CompiledSchema, body: UpsertBody): ReadFields {
  const known = new Map(fields.map((field) => [field.name, field]));
  const explicit = new Map<string, FieldValue | null>();
  const extras = new Map<string, string>();
  for (const [key, value] of Object.entries(body.fields ?? {})) {
    const field = known.get(key);
    if (field === undefined) extras.set(key, body.fieldTexts.get(key) ?? 'null');
    else if (value === null) explicit.set(key, null);
    else {
      const read = readValue(field, value);
      if ('fault' in read) throw invalid(`Field 'fields.${key}' ${read.fault}.`, `fields.${key}`);
      explicit.set(key, read.value);
    }
  }
  return { explicit, extras };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** PostgreSQL holds neither U+0000 nor half of a surrogate pair. */
function isStorable(text: string): boolean {
  return !text.includes('\u0000') && text.isWellFormed();
}

function invalid(sentence: string, path: string): AppError {
  return new AppError('invalid_request', { details: sentence, facts: path === '' ? {} : { path } });
}
