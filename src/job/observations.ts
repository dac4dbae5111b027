/**
 * What validation saw in the rows of a job besides the rows themselves: which properties with which types, and which
 * keys were ignored. Kept in the job, because validation goes in slices; turned into the catalogue and the job's
 * warnings by the refresh.
 */

export const PROPERTY_TYPES = ['String', 'Numeric', 'Date', 'Boolean'] as const;

/** Types of Userpilot's property list; Date is a string in ISO 8601. */
export type PropertyType = (typeof PROPERTY_TYPES)[number];

/** Distinct keys that one job may add to the catalogue, so that a hostile file cannot swell the job row. */
export const MAX_OBSERVED_KEYS = 10_000;

/** Rows by property and type, and rows by ignored key; `overflow` counts what came after MAX_OBSERVED_KEYS. */
export interface Observations {
  properties: Map<string, Partial<Record<PropertyType, number>>>;
  ignoredKeys: Map<string, number>;
  /** Rows by key of the metadata that was left out because its value is nested. */
  droppedKeys: Map<string, number>;
  overflow: number;
}

/** A warning of a job as it stands on the wire. */
export interface JobWarning {
  code: 'unknown_key_ignored' | 'nested_value_ignored' | 'type_changed' | 'properties_not_catalogued';
  path: string;
  rows: number;
  message: string;
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

/** As JSON for the job row. Entries, not objects: a key may be `__proto__`. */
export function packObservations(seen: Observations): string {
  return JSON.stringify({
    properties: [...seen.properties],
    ignoredKeys: [...seen.ignoredKeys],
    droppedKeys: [...seen.droppedKeys],
    overflow: seen.overflow,
  });
}

/** The reverse of packObservations; `{}` gives empty observations. */
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

const IGNORED = {
  unknown_key_ignored: 'The key is none of those a row may have and was ignored.',
  nested_value_ignored: 'The value is an object or array and was left out, as nested=ignore asks.',
} as const;

/** The warning that so many rows had something that was not stored. */
export function warnOfIgnored(code: keyof typeof IGNORED, path: string, rows: number): JobWarning {
  return { code, path, rows, message: IGNORED[code] };
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
