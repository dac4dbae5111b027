/**
 * What validation saw in the rows of a job besides the rows themselves: which properties with which types, and which
 * keys were ignored. Each slice adds what it saw to tables of their own; the refresh makes the catalogue of it. And the
 * warnings of a job, of which the job itself shows the first.
 */

export const PROPERTY_TYPES = ['String', 'Numeric', 'Date', 'Boolean'] as const;

/** Types of Userpilot's property list; Date is a string in ISO 8601. */
export type PropertyType = (typeof PROPERTY_TYPES)[number];

/** Distinct keys that one job may add to the catalogue, and distinct keys that it may be warned of. */
export const MAX_OBSERVED_KEYS = 10_000;

/** Warnings that the job object has at most; the last one says how many more there are. */
export const MAX_SHOWN_WARNINGS = 100;

/** Warnings of each job in a list of jobs. */
export const MAX_LISTED_WARNINGS = 10;

/** Rows by property and type. */
export type ObservedTypes = Map<string, Partial<Record<PropertyType, number>>>;

/** Rows by ignored key. */
export type IgnoredKeys = Map<string, number>;

/** What a slice saw; `overflow` counts what came after MAX_OBSERVED_KEYS. */
export interface Observations {
  properties: ObservedTypes;
  ignoredKeys: IgnoredKeys;
  /** Rows by key of the metadata that was left out because its value is nested. */
  droppedKeys: IgnoredKeys;
  overflow: number;
}

const MESSAGES = {
  unknown_key_ignored: 'The key is none of those a row may have and was ignored.',
  nested_value_ignored: 'The value is an object or array and was left out, as nested=ignore asks.',
  properties_not_catalogued:
    'The import has more distinct keys than the catalogue takes from one job; the values are stored.',
} as const;

/** A warning of a job as it stands on the wire. */
export interface JobWarning {
  code:
    | 'unknown_key_ignored'
    | 'nested_value_ignored'
    | 'type_changed'
    | 'properties_not_catalogued'
    | 'more_warnings';
  path: string;
  rows: number;
  message: string;
}

/** A warning as it is kept. */
export interface StoredWarning {
  code: Exclude<JobWarning['code'], 'more_warnings'>;
  path: string;
  /** Of type_changed: the type that is new, and those that were known. */
  type: string;
  knownTypes: string[] | null;
  rows: number;
}

/** The warning with its sentence. */
export function wordWarning({ code, path, type, knownTypes, rows }: StoredWarning): JobWarning {
  const message =
    code === 'type_changed'
      ? `The property was known as ${(knownTypes ?? []).join(', ')}; ${rows} rows sent ${type}.`
      : MESSAGES[code];
  return { code, path, rows, message };
}

/**
 * The first of a job's warnings, and as the last one how many more there are.
 * @param first of the job's warnings, more than `most` of them when there are so many
 * @param all how many there are, and of how many rows
 */
export function firstWarnings(
  first: readonly JobWarning[],
  all: { warnings: number; rows: number },
  most: number,
): JobWarning[] {
  if (first.length <= most && all.warnings <= first.length) return [...first];
  const shown = first.filter(({ code }) => code !== 'more_warnings').slice(0, most - 1);
  const more = all.warnings - shown.length;
  const rows = all.rows - shown.reduce((sum, warning) => sum + warning.rows, 0);
  const message = `${more} more warnings. GET /v1/background_jobs/{job_id}/warnings lists all of them.`;
  return [...shown, { code: 'more_warnings', path: '', rows, message }];
}

/**
 * Warnings of a job that an answer shows at most, of those that it has; what is left out is counted.
 * @param warnings of which the last one may say that there are more
 */
export function shortenWarnings(warnings: readonly JobWarning[], most: number): readonly JobWarning[] {
  if (warnings.length <= most) return warnings;
  const last = warnings.at(-1);
  const omitted = last?.code === 'more_warnings' ? Number.parseInt(last.message, 10) : 0;
  const kept = warnings.filter(({ code }) => code !== 'more_warnings');
  const rows = warnings.reduce((sum, warning) => sum + warning.rows, 0);
  return firstWarnings(kept, { warnings: kept.length + omitted, rows }, most);
}

export function emptyObservations(): Observations {
  return { properties: new Map(), ignoredKeys: new Map(), droppedKeys: new Map(), overflow: 0 };
}

/** Counts one property of one row. */
export function observeProperty(seen: Observations, key: string, type: PropertyType): void {
  let counts = seen.properties.get(key);
  if (counts === undefined) {
    if (seen.properties.size >= MAX_OBSERVED_KEYS) {
      seen.overflow++;
      return;
    }
    counts = {};
    seen.properties.set(key, counts);
  }
  counts[type] = (counts[type] ?? 0) + 1;
}

/** Counts one key of one row that was ignored, or left out for its nested value. */
export function observeIgnoredKey(
  seen: Observations,
  key: string,
  kind: 'ignoredKeys' | 'droppedKeys' = 'ignoredKeys',
): void {
  const keys = seen[kind];
  const rows = keys.get(key);
  if (rows === undefined && keys.size >= MAX_OBSERVED_KEYS) seen.overflow++;
  else keys.set(key, (rows ?? 0) + 1);
}

/** As JSON for the job row, where an older version keeps it. Entries, not objects: a key may be `__proto__`. */
export function packObservations(seen: Observations): string {
  return JSON.stringify({
    properties: [...seen.properties],
    ignoredKeys: [...seen.ignoredKeys],
    droppedKeys: [...seen.droppedKeys],
    overflow: seen.overflow,
  });
}

/** What an older version has kept in the job itself, of a job that was being validated during the upgrade. */
export function unpackObservations(packed: unknown): Observations {
  const json = packed as {
    properties?: [string, Partial<Record<PropertyType, number>>][];
    ignoredKeys?: [string, number][];
    droppedKeys?: [string, number][];
    overflow?: number;
  };
  return {
    properties: new Map(json.properties),
    ignoredKeys: new Map(json.ignoredKeys),
    droppedKeys: new Map(json.droppedKeys),
    overflow: json.overflow ?? 0,
  };
}

/** The warning that so many rows had something that was not stored. */
export function warnOfIgnored(
  code: 'unknown_key_ignored' | 'nested_value_ignored',
  path: string,
  rows: number,
): JobWarning {
  return { code, path, rows, message: MESSAGES[code] };
}

/** What of one row was not stored. */
export function warnOfRow(row: {
  ignoredKeys: readonly string[];
  droppedKeys: readonly string[];
}): JobWarning[] {
  return [
    ...row.ignoredKeys.map((key) => warnOfIgnored('unknown_key_ignored', key, 1)),
    ...row.droppedKeys.map((key) => warnOfIgnored('nested_value_ignored', `metadata.${key}`, 1)),
  ];
}
