/**
 * What an import may be made from, and its bytes. Everything is collected before it is sent: a request has at most some
 * megabytes, not every fetch can stream a body, and only what is kept can be sent again.
 */
import { readChunks } from './http/read-lines';

/** A value of a row's metadata. Dates go as ISO 8601; null removes the key; undefined is left out. */
export type MetadataValue = string | number | boolean | null | undefined | Date;

export interface UserRow {
  user_id: string;
  /** Null takes the user out of its company; leaving it out changes nothing. */
  company_id?: string | null;
  metadata?: Readonly<Record<string, MetadataValue>> | null;
}

export interface CompanyRow {
  company_id: string;
  metadata?: Readonly<Record<string, MetadataValue>> | null;
}

/** `json`: `{"users": [...]}`, `{"companies": [...]}` or the bare array. `file`: whatever the service finds it to be. */
export type Format = 'ndjson' | 'csv' | 'json' | 'file';

/** A file in one of the formats; a stream of Node is one of the iterables. */
export type FileInput =
  | string
  | Blob
  | ArrayBuffer
  | ArrayBufferView
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

/** Rows as objects. */
export type RowsInput<Row> = Iterable<Row> | AsyncIterable<Row>;

export interface CollectedInput {
  /** Without a type: that depends on the format. */
  bytes: Blob;
  /** Whether it was rows and is NDJSON now, whatever format was asked for. */
  rows: boolean;
}

type Piece = string | Blob | ArrayBuffer | Uint8Array<ArrayBuffer>;

/** Serialised text is turned into bytes in pieces of about this size. */
const PIECE_CHARACTERS = 65_536;

/**
 * Reads the input to its end.
 * @throws TypeError for a row that JSON cannot say; whatever the input throws; the signal's reason
 */
export async function collect(
  input: FileInput | RowsInput<object>,
  signal?: AbortSignal,
): Promise<CollectedInput> {
  signal?.throwIfAborted();
  if (input instanceof Blob) return { bytes: input, rows: false };
  if (typeof input === 'string' || input instanceof ArrayBuffer || ArrayBuffer.isView(input)) {
    return { bytes: new Blob([input as Piece]), rows: false };
  }
  const parts: Piece[] = [];
  const text: string[] = [];
  let characters = 0;
  const flush = () => {
    parts.push(new Blob(text.splice(0)));
    characters = 0;
  };
  let rows = 0;
  const items = 'getReader' in input ? readChunks(input) : input;
  for await (const item of items) {
    signal?.throwIfAborted();
    if (ArrayBuffer.isView(item)) {
      parts.push(item as Piece);
      continue;
    }
    const line = writeRow(item, ++rows);
    text.push(line);
    characters += line.length;
    if (characters >= PIECE_CHARACTERS) flush();
  }
  if (text.length > 0) flush();
  return { bytes: new Blob(parts), rows: rows > 0 || parts.length === 0 };
}

/** The format of a file by what is known of it: its name, else its type; NDJSON when nothing is. */
export function formatOf(filename: string | undefined, type: string): Format {
  if (/\.csv$/i.test(filename ?? '')) return 'csv';
  if (/\.json$/i.test(filename ?? '')) return 'json';
  if (/\.(ndjson|jsonl)$/i.test(filename ?? '')) return 'ndjson';
  if (/\.(tsv|txt|xlsx|zip|gz)$/i.test(filename ?? '')) return 'file';
  if (/^text\/csv\b/i.test(type)) return 'csv';
  return /^application\/json\b/i.test(type) ? 'json' : 'ndjson';
}

/**
 * A row as a line of NDJSON.
 * @throws TypeError for what JSON has no word for. JSON.stringify would write null, and null removes the stored value.
 */
function writeRow(row: unknown, number: number): string {
  if (typeof row !== 'object' || row === null) throw new TypeError(`Row ${number} is not an object.`);
  const refuseHoles = function (this: unknown, key: string, value: unknown) {
    const given = (this as Record<string, unknown>)[key];
    const hole = typeof value === 'number' ? !Number.isFinite(value) : value === null && given !== null;
    if (hole || typeof value === 'bigint') {
      throw new TypeError(`Row ${number} has a value at "${key}" that JSON cannot say.`);
    }
    return value;
  };
  return `${JSON.stringify(row, refuseHoles)}\n`;
}
