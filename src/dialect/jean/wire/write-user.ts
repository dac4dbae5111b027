/** The user object of Jean Technologies' page "Upsert user", and what Muster adds to it. */
import { type Derived, derive } from '../derive';
import type { StoredField } from '../merge';
import { writeExtras } from '../merge';
import type { Definition } from '../schema/definition';

export interface WireUser {
  userId: string;
  domain: string;
  schemaVersion: number;
  definition: Definition;
  fields: Readonly<Record<string, StoredField>>;
  extras: ReadonlyMap<string, string>;
  memoryRef: string | null;
  embeddings: readonly { domain: string; model: string; dimensions: number }[];
  lastEnrichedAt: Date;
  /** Only of a call that has extracted: who did it, and why it was not the provider. */
  extraction?: { by: string; fallback?: string } | undefined;
  /** Keys of the body that were ignored. */
  unknownKeys?: readonly string[];
  /** The provider of vectors gave none: those of before stay. */
  isHeadStale?: boolean;
  /** Texts that are still kept, by id; undefined leaves the provenance out. */
  contexts?: ReadonlyMap<string, { text: string; receivedAt: Date }>;
}

/** `dating.v3`. */
export function writeSchemaVersion(domain: string, version: number): string {
  return `${domain}.v${version}`;
}

/** JSON text: extras are copied as they came, with every digit. */
export function writeUser(user: WireUser): string {
  const { fields, extras, unknownKeys = [] } = user;
  const derived = derive(user.definition, fields);
  const members: [string, string][] = [
    ['user_id', JSON.stringify(user.userId)],
    ['domain', JSON.stringify(user.domain)],
    ['schema_version', JSON.stringify(writeSchemaVersion(user.domain, user.schemaVersion))],
    ['fields', writeValues(Object.entries(fields))],
    ['extras', writeExtras(extras)],
    ['derived', writeValues([...derived])],
    ['embeddings', JSON.stringify(Object.fromEntries(user.embeddings.map(writeEmbedding)))],
    ['last_enriched_at', JSON.stringify(user.lastEnrichedAt)],
  ];
  if (user.memoryRef !== null) members.push(['memory_ref', JSON.stringify(user.memoryRef)]);
  if (user.extraction !== undefined) members.push(['extraction', JSON.stringify(user.extraction)]);
  const warnings = unknownKeys.map((path) => ({ code: 'unknown_key', path }));
  if (user.isHeadStale) warnings.push({ code: 'embedding_failed', path: `embeddings.${user.domain}` });
  if (warnings.length > 0) members.push(['warnings', JSON.stringify(warnings)]);
  if (user.contexts !== undefined) {
    members.push(['provenance', JSON.stringify(writeProvenance(fields, derived, user.contexts))]);
    const contexts = [...user.contexts].map(([id, { text, receivedAt }]) => ({
      id,
      text,
      received_at: receivedAt,
    }));
    members.push(['contexts', JSON.stringify(contexts)]);
  }
  return `{${members.map(([key, text]) => `"${key}":${text}`).join(',')}}`;
}

function writeValues(entries: Iterable<readonly [string, { value: unknown }]>): string {
  return JSON.stringify(Object.fromEntries([...entries].map(([name, { value }]) => [name, value])));
}

/** A head as a member of `embeddings`. */
export function writeEmbedding({
  domain,
  model,
  dimensions,
}: WireUser['embeddings'][number]): [string, object] {
  return [domain, { dim: dimensions, version: `${domain}-${model}`, model }];
}

function writeProvenance(
  fields: WireUser['fields'],
  derived: ReadonlyMap<string, Derived>,
  contexts: ReadonlyMap<string, { text: string }>,
): object {
  const ofFields = Object.entries(fields).map(([name, { source, at, rule, spans, context }]) => {
    // The text may be gone already: places alone say nothing about the person.
    const text = context === undefined ? undefined : contexts.get(context)?.text;
    const written = spans?.map(({ start, end }) => ({ start, end, text: text?.slice(start, end) ?? null }));
    return [
      name,
      { source, at, ...(rule && { rule }), ...(context && { context }), ...(written && { spans: written }) },
    ];
  });
  const ofDerived = [...derived].map(([name, { rule, from }]) => [name, { source: 'derived', rule, from }]);
  return Object.fromEntries([...ofFields, ...ofDerived]);
}
