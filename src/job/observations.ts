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

/** What was found in a file, and in the ids of its rows. `detail` is the word that the sentence needs. */
const FOUND = {
  encoding_detected: (detail: string) => `Read as ${detail}, not as UTF-8. Set encoding if that is wrong.`,
  delimiter_detected: (detail: string) =>
    `Read with ${detail} as the delimiter. Set delimiter if that is wrong.`,
  id_column_detected: () => 'Used as the ID column because of its name. Set mapping.id if that is wrong.',
  column_renamed: (detail: string) =>
    `The header has ${JSON.stringify(detail)} more than once. This column is stored under this name.`,
  column_left_out: () => 'The column has no name and was skipped.',
  read_as_json: () => 'The file is one JSON document and was read as JSON.',
  read_as_objects: () =>
    'The file has JSON objects over several lines, or several on one line. NDJSON has one on each line.',
  read_as_csv: () => 'The file is a table and was read as CSV.',
  read_as_ndjson: () => 'The file has one JSON object per line and was read as NDJSON.',
  sheet_detected: () => 'The workbook has several sheets. This one was read. Set sheet to read another one.',
  cells_without_value: (detail: string) =>
    `${detail === '1' ? 'One cell holds' : `${detail} cells hold`} an error such as #N/A, or a formula that was never calculated. They count as empty.`,
  repeated_ids: (detail: string) =>
    `${detail === '1' ? 'One ID occurs' : `${detail} IDs occur`} more than once. Set repeats to choose what happens to their rows.`,
  similar_ids: (detail: string) =>
    `${detail} IDs differ from another ID only in case, white space or invisible characters. Each is stored as a separate record.`,
} as const satisfies Record<string, (detail: string) => string>;

type FoundCode = keyof typeof FOUND;

/** Warnings that say of how many ids they are. */
const OF_IDS: readonly string[] = ['repeated_ids', 'similar_ids'] satisfies FoundCode[];

/** Codes of warnings, as the wire has them. */
export const WARNING_CODES = [
  ...(Object.keys(MESSAGES) as (keyof typeof MESSAGES)[]),
  ...(Object.keys(FOUND) as FoundCode[]),
  'type_changed',
  'more_warnings',
] as const;

/** What there is to be said of a file as a whole. */
export interface FileWarning {
  code: Exclude<FoundCode, 'repeated_ids' | 'similar_ids'>;
  /** The column; empty for the whole file. */
  path: string;
  detail: string;
}

/** A warning of a job as it stands on the wire. */
export interface JobWarning {
  code: (typeof WARNING_CODES)[number];
  path: string;
  rows: number;
  /** Of repeated and similar ids: how many. */
  ids?: number;
  message: string;
}

/** A warning as it is kept. */
export interface StoredWarning {
  code: Exclude<JobWarning['code'], 'more_warnings'>;
  path: string;
  /** Of type_changed: the type that is new, and those that were known. Of what was found in a file: the detail. */
  type: string;
  knownTypes: string[] | null;
  rows: number;
}

/** The warning with its sentence. */
export function wordWarning({ code, path, type, knownTypes, rows }: StoredWarning): JobWarning {
  if (code === 'type_changed') {
    const message = `The property was known as ${(knownTypes ?? []).join(', ')}; ${rows} rows sent ${type}.`;
    return { code, path, rows, message };
  }
  const message = isFound(code) ? FOUND[code](type) : MESSAGES[code];
  return { code, path, rows, ...(OF_IDS.includes(code) && { ids: Number(type) }), message };
}

/** What was found in a file, in a sentence. */
export function tellFile({ code, path, detail }: FileWarning): string {
  const { message } = wordWarning({ code, path, type: detail, knownTypes: null, rows: 0 });
  return path === '' ? message : `${path}: ${message}`;
}

function isFound(code: string): code is FoundCode {
  return Object.hasOwn(FOUND, code);
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
