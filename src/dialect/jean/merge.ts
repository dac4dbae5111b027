/**
 * What becomes of a user's fields when more is said about them. Explicit values come from the client's `fields` and stand
 * until the client sends them anew, or null; extracted ones come from free text and never replace an explicit one.
 */
import { parse, stringify } from 'lossless-json';
import type { CompiledField, CompiledSchema } from './extract/compile';
import type { Found } from './extract/extract';
import { readValue } from './extract/read-value';
import type { FieldValue } from './schema/definition';
import type { ReadFields } from './wire/read-body';

export interface StoredField {
  value: FieldValue;
  source: 'explicit' | 'extracted';
  /** When it was said, ISO 8601. */
  at: string;
  /** Of an extracted value: the rule, the places in the text, and the id of the text. */
  rule?: string;
  spans?: { start: number; end: number }[];
  context?: string;
}

/** A user's row in a domain, as far as merging is about it. */
export interface DomainRow {
  fields: Readonly<Record<string, StoredField>>;
  /** JSON texts by key. */
  extras: ReadonlyMap<string, string>;
}

export interface NewValues extends ReadFields {
  extracted: ReadonlyMap<string, Found>;
  /** Id of the text that was extracted from. */
  context: string | undefined;
  /** Now, ISO 8601. */
  at: string;
}

/**
 * The row after POST /v1/users (`replace`), where only explicit values of before stay, or after POST /v1/context
 * (`append`), where everything stays that the new text does not say anew; lists grow.
 */
export function mergeRow(
  mode: 'replace' | 'append',
  schema: CompiledSchema,
  before: DomainRow | undefined,
  news: NewValues,
): DomainRow {
  const fields: [string, StoredField][] = [];
  for (const field of schema.fields) {
    const { name } = field;
    const known = before?.fields[name];
    const merged =
      explicitValue(name, known, news) ??
      (news.explicit.get(name) === null ? undefined : keptExplicit(field, known)) ??
      extractedValue(name, mode === 'append' && known?.source === 'extracted' ? known : undefined, news);
    if (merged !== undefined) fields.push([name, merged]);
  }
  return { fields: Object.fromEntries(fields), extras: mergeExtras(schema.definition, before, news) };
}

function explicitValue(
  name: string,
  known: StoredField | undefined,
  { explicit, at }: NewValues,
): StoredField | undefined {
  const value = explicit.get(name);
  if (value === undefined || value === null) return undefined;
  const isSame = known?.source === 'explicit' && JSON.stringify(known.value) === JSON.stringify(value);
  return isSame ? known : { value, source: 'explicit', at };
}

/** An older explicit value, as long as the schema of today allows it. */
function keptExplicit(field: CompiledField, known: StoredField | undefined): StoredField | undefined {
  if (known?.source !== 'explicit') return undefined;
  const read = readValue(field, known.value);
  return 'fault' in read ? undefined : { ...known, value: read.value };
}

function extractedValue(
  name: string,
  known: StoredField | undefined,
  { extracted, context, at }: NewValues,
): StoredField | undefined {
  const found = extracted.get(name);
  if (found === undefined) return known;
  const value =
    Array.isArray(found.value) && Array.isArray(known?.value)
      ? [...new Set([...known.value, ...found.value])]
      : found.value;
  return {
    value,
    source: 'extracted',
    at,
    rule: found.rule,
    spans: found.spans,
    ...(context === undefined ? {} : { context }),
  };
}

/** Explicit values of fields that the schema has lost are kept here, too. */
function mergeExtras(
  { fields }: CompiledSchema['definition'],
  before: DomainRow | undefined,
  { extras }: NewValues,
): ReadonlyMap<string, string> {
  const merged = new Map<string, string>();
  for (const [name, stored] of Object.entries(before?.fields ?? {})) {
    if (stored.source === 'explicit' && !Object.hasOwn(fields, name))
      merged.set(name, JSON.stringify(stored.value));
  }
  for (const [key, text] of [...(before?.extras ?? []), ...extras]) {
    if (text === 'null' || Object.hasOwn(fields, key)) merged.delete(key);
    else merged.set(key, text);
  }
  return merged;
}

/** JSON text of an object with these members. */
export function writeExtras(extras: ReadonlyMap<string, string>): string {
  return `{${[...extras].map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`;
}

/** @param text what writeExtras has written; numbers keep every digit */
export function readExtras(text: string): Map<string, string> {
  const exact = parse(text) as object;
  return new Map(Object.entries(exact).map(([key, value]) => [key, stringify(value) ?? 'null']));
}

/** Whether two rows say the same, whenever and by whichever copy of a text it was said. */
export function saysTheSame(one: DomainRow, other: DomainRow): boolean {
  return writeValues(one) === writeValues(other) && writeExtras(one.extras) === writeExtras(other.extras);
}

function writeValues({ fields }: DomainRow): string {
  return JSON.stringify(
    Object.entries(fields).map(([name, { value, source, rule, spans }]) => [
      name,
      value,
      source,
      rule,
      spans,
    ]),
  );
}
