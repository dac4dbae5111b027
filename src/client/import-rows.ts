/** Imports: from rows or a file to the request, and the wait for a free slot. */
import type { Job } from './api';
import { isMusterError } from './errors';
import { type Connection, type Query, readJson } from './http/request';
import { backoffMs } from './http/retry';
import {
  type CollectedInput,
  collect,
  type FileInput,
  type Format,
  formatOf,
  type RowsInput,
} from './write-rows';

/** What to do while another import of the environment is not finished. */
export interface SlotOptions {
  /** `queue`: accepted, and waits its turn (at most 10 do). Default `reject`: answered with job_in_progress. */
  onBusy?: 'reject' | 'queue';
  /** Sends it again, as long as Retry-After says, until it is accepted. Default false: throws job_in_progress. */
  waitForSlot?: boolean;
  signal?: AbortSignal;
}

export interface ImportOptions extends SlotOptions {
  /** As the job shows it. Default: the file's own name, else `users.` or `companies.` and the format. */
  filename?: string;
  /** Of a file. Default: by its name, else by its type, else `ndjson`. */
  format?: Format;
  /** Only say what would happen: counters and results, but nothing is written. */
  dryRun?: boolean;
  /** Default `merge`: keys that are not sent stay. `replace`: the metadata becomes what is sent. */
  metadata?: 'merge' | 'replace';
  /** Default `upsert`. The others fail the rows whose id is stored already, or is not. */
  existing?: 'upsert' | 'create_only' | 'update_only';
  /** What becomes of objects and arrays as metadata values. Default `reject`: the row fails. */
  nested?: 'reject' | 'ignore' | 'flatten';
  /** What becomes of rows whose id comes more than once. Default `last`: all are applied in their order. */
  repeats?: 'last' | 'first' | 'fail';
  /** What becomes of the columns of a table, or of the keys of objects. */
  mapping?: Mapping;
  /** What divides the cells of a table: one character. Default: found in the file. */
  delimiter?: string;
  /** Of a file, a label of the Encoding Standard. Default: found in the file. */
  encoding?: string;
  /** Keys of a row beside its ids are metadata. */
  flat?: boolean;
  /** Default `strict`: an id that is a number fails its row. `stringify`: it is taken as the text that it is. */
  ids?: 'strict' | 'stringify';
  /** Refuses a table whose header has a blank or a repeated name. */
  strict?: boolean;
  /**
   * Under which the service knows the import again, 1 to 255 characters. Default `auto`: a random one for each call, so
   * that a retry never imports twice. Give your own to make the call itself repeatable. False: none, and no retries.
   */
  idempotencyKey?: 'auto' | (string & {}) | false;
}

/** What becomes of the columns of a table, or of the keys of objects. */
export interface Mapping {
  /** Column or key of the id, and of the company. */
  id?: string;
  company?: string;
  /** Names of the columns of a file that has no header line. */
  columns?: string[];
  /** New names, by the ones in the file. */
  rename?: Record<string, string>;
  /** What is left out. */
  skip?: string[];
  /** Types of cells: `infer` where that loses nothing, or by column. Default `string`: as they are. */
  types?: 'string' | 'infer' | Record<string, 'string' | 'number' | 'boolean' | 'date'>;
  /** Values that count as empty, and cells that are booleans. */
  null_values?: string[];
  true_values?: string[];
  false_values?: string[];
  /** The sign between whole numbers and fractions; the other one may group digits. */
  decimal?: '.' | ',';
  /** How dates are written, such as `dd.MM.yyyy`; they become ISO 8601. */
  date_format?: string;
}

export type Collection = 'users' | 'companies';

/** Between two tries for the slot of a service that does not say how long it will be taken: from, up to. */
const FIRST_SLOT_WAIT_MS = 5_000;
const MAX_SLOT_WAIT_MS = 60_000;
/** Between two tries for the slot of a service that does. */
const LEAST_SLOT_WAIT_MS = 1_000;

/** @throws MusterError; TypeError for a row that JSON cannot say; whatever the input throws */
export async function importRows(
  connection: Connection,
  collection: Collection,
  input: FileInput | RowsInput<object>,
  options: ImportOptions,
): Promise<Job> {
  const { idempotencyKey = 'auto', signal } = options;
  const key = idempotencyKey === 'auto' ? randomUuid() : idempotencyKey;
  const upload = writeUpload(collection, await collect(input, signal), options);
  const request = {
    method: 'POST',
    path: `/v1/${collection}/bulk_identify`,
    query: writeQuery(options),
    headers: { ...upload.headers, ...(key === false ? {} : { 'Idempotency-Key': key }) },
    body: upload.body,
    signal,
  } as const;
  return outwaitSlot(connection, options, () => connection.request(request, readJson<Job>));
}

/** Tries until the slot is free, when the options say so. */
export async function outwaitSlot<T>(
  connection: Connection,
  { waitForSlot = false, signal }: SlotOptions,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await attempt();
    } catch (thrown) {
      if (!waitForSlot || !isMusterError(thrown, 'job_in_progress')) throw thrown;
      const seconds = thrown.retryAfterSeconds;
      const ms =
        seconds === undefined
          ? backoffMs(FIRST_SLOT_WAIT_MS, tries, MAX_SLOT_WAIT_MS)
          : Math.max(seconds * 1000, LEAST_SLOT_WAIT_MS);
      await connection.waitToRetry(thrown, ms, signal);
    }
  }
}

/** Only what differs from the API's defaults, so that a server without these parameters takes the request too. */
function writeQuery(options: ImportOptions): Query {
  const { dryRun, metadata, existing, nested, onBusy, repeats, delimiter, encoding } = options;
  const { flat, ids, strict } = options;
  return {
    dry_run: dryRun || undefined,
    metadata: metadata === 'merge' ? undefined : metadata,
    existing: existing === 'upsert' ? undefined : existing,
    nested: nested === 'reject' ? undefined : nested,
    repeats: repeats === 'last' ? undefined : repeats,
    delimiter,
    encoding,
    flat: flat || undefined,
    ids: ids === 'strict' ? undefined : ids,
    strict: strict || undefined,
    on_busy: onBusy === 'reject' ? undefined : onBusy,
  };
}

/** A form with one file, the way that every server of this wire takes; JSON has a body of its own. */
function writeUpload(
  collection: Collection,
  { bytes, rows }: CollectedInput,
  options: ImportOptions,
): { body: Blob | FormData; headers: Record<string, string> } {
  const ownName = (bytes as { name?: unknown }).name;
  const given = options.filename ?? (typeof ownName === 'string' && ownName !== '' ? ownName : undefined);
  const format = rows ? 'ndjson' : (options.format ?? formatOf(given, bytes.type));
  if (format === 'json' && options.mapping === undefined)
    return { body: bytes, headers: { 'Content-Type': 'application/json' } };
  const form = new FormData();
  // Before the file: by then the service knows how to read it.
  if (options.mapping !== undefined) form.set('mapping', JSON.stringify(options.mapping));
  const type = PART_TYPES[format === 'json' ? 'file' : format];
  form.set('file', bytes.slice(0, bytes.size, type), filenameOf(given ?? `${collection}.${format}`, format));
  return { body: form, headers: {} };
}

const PART_TYPES = {
  csv: 'text/csv',
  ndjson: 'application/x-ndjson',
  file: 'application/octet-stream',
} as const satisfies Record<Exclude<Format, 'json'>, string>;

/** The service takes a file of this name for CSV whatever else is said, so NDJSON must not have it. */
function filenameOf(name: string, format: Format): string {
  return format === 'ndjson' && /\.csv$/i.test(name) ? `${name}.ndjson` : name;
}

/** crypto.randomUUID is not there on pages that were not loaded through HTTPS. */
function randomUuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
