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
  overflow: number;
}

/** A warning of a job as it stands on the wire. */
export interface JobWarning {
  code: 'unknown_key_ignored' | 'type_changed' | 'properties_not_catalogued';
  path: string;
  rows: number;
  message: string;
}

export function emptyObservations(): Observations {
  return { properties: new Map(), ignoredKeys: new Map(), overflow: 0 };
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

/** Counts one ignored key of one row. */
export function observeIgnoredKey(seen: Observations, key: string): void {
  const rows = seen.ignoredKeys.get(key);
  if (rows === undefined && seen.ignoredKeys.size >= MAX_OBSERVED_KEYS) seen.overflow++;
  else seen.ignoredKeys.set(key, (rows ?? 0) + 1);
}

/** As JSON for the job row. Entries, not objects: a key may be `__proto__`. */
export function packObservations(seen: Observations): string {
  return JSON.stringify({
    properties: [...seen.properties],
    ignoredKeys: [...seen.ignoredKeys],
    overflow: seen.overflow,
  });
}

/** The reverse of packObservations; `{}` gives empty observations. */
export function unpackObservations(packed: unknown): Observations {
  const json = packed as {
    properties?: [string, Partial<Record<PropertyType, number>>][];
    ignoredKeys?: [string, number][];
    overflow?: number;
  };
  return {
    properties: new Map(json.properties),
    ignoredKeys: new Map(json.ignoredKeys),
    overflow: json.overflow ?? 0,
  };
}
