/**
 * What the contract says about the rows of a body: which are refused, and what the others make of the stored users.
 * Written anew from docs/errors.md and the contract, one row after another in plain JavaScript, so that it shares
 * neither code nor approach with the product. Pure.
 */
import { isUtf8 } from 'node:buffer';
import type { ErrorCode } from '#errors';
import { ENTITIES, type Entity } from '#job/entity';

const MEBIBYTE = 1024 * 1024;

/** The bytes that hold the rows: the file of a form, or the JSON body after decompression. */
export interface Payload {
  form: 'ndjson' | 'json';
  bytes: Buffer;
}

export interface Limits {
  maxRows: number;
  maxBytes: number;
}

export interface StoredProfile {
  companyId: string | null;
  /** Canonical text of each value: see canonical(). */
  metadata: Map<string, string>;
}

export type Profiles = Map<string, StoredProfile>;
export type RowOutcome = 'created' | 'updated' | 'unchanged' | 'failed';

/**
 * Whether what is sent as NDJSON can be nothing else: a first line that is no JSON may begin an object that goes on, an
 * array, a table, or text in another encoding, and is then read as that (docs/files.md).
 */
export function isPlainNdjson({ form, bytes }: Payload): boolean {
  if (form !== 'ndjson') return true;
  const text = bytes.toString('latin1').replace(/^\xef\xbb\xbf/, '');
  const [first = ''] = text.split('\n').filter((line) => line.trim() !== '');
  const value = parse(first);
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !text.includes('\0');
}

/** What must be answered: one of these refusals, or 202 when there is none. */
export function predictRefusals(payload: Payload, entity: Entity, limits: Limits): ErrorCode[] {
  const refusals: ErrorCode[] = [];
  if (payload.bytes.length > limits.maxBytes) refusals.push('payload_too_large');
  const rows = cutRows(payload, entity);
  if (typeof rows === 'string') {
    // What comes first in the body decides, and how many rows there were before it is not known here.
    return payload.bytes.length > limits.maxRows ? [...refusals, rows, 'too_many_rows'] : [...refusals, rows];
  }
  if (rows.length > limits.maxRows) refusals.push('too_many_rows');
  if (rows.length === 0) refusals.push('empty_import');
  return refusals;
}

/** Applies a payload without refusals to the profiles. Returns what becomes of each row. */
export function applyRows(payload: Payload, entity: Entity, profiles: Profiles): RowOutcome[] {
  const rows = cutRows(payload, entity);
  if (typeof rows === 'string') throw new Error('a payload that is refused has no rows');
  return rows.map((raw) => applyRow(raw, entity, profiles));
}

/** The metadata of a stored user as canonical texts. @param text of PostgreSQL's jsonb */
export function readStoredMetadata(text: string): Map<string, string> {
  return new Map(membersOf(text).map(([key, value]) => [key, canonical(value)]));
}

function cutRows({ form, bytes }: Payload, entity: Entity): Buffer[] | ErrorCode {
  return form === 'ndjson' ? cutLines(bytes) : cutArray(bytes, entity);
}

function cutLines(bytes: Buffer): Buffer[] {
  const text = bytes.toString('latin1').replace(/^\xef\xbb\xbf/, '');
  return text
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line) => !/^[ \t\r]*$/.test(line))
    .map((line) => Buffer.from(line, 'latin1'));
}

function cutArray(bytes: Buffer, entity: Entity): Buffer[] | ErrorCode {
  const { collection, missingCode } = ENTITIES[entity];
  const text = bytes.toString('latin1').replace(/^\xef\xbb\xbf/, '');
  const value = parse(text);
  if (value === undefined) return 'invalid_json';
  let array: string | undefined;
  if (Array.isArray(value)) array = text;
  else if (typeof value === 'object' && value !== null) {
    const found = membersOf(text).filter(([key]) => key === collection);
    if (found.length > 1) return 'invalid_json';
    array = found[0]?.[1];
  }
  if (!array?.trimStart().startsWith('[')) return missingCode;
  return elementsOf(array).map((element) => Buffer.from(element, 'latin1'));
}

function applyRow(raw: Buffer, entity: Entity, profiles: Profiles): RowOutcome {
  const row = readRow(raw, entity);
  if (row === undefined) return 'failed';
  const before = profiles.get(row.id);
  const metadata = new Map(before?.metadata);
  for (const [key, value] of row.metadata) {
    if (value === 'null') metadata.delete(key);
    else metadata.set(key, value);
  }
  const companyId = row.companyId === undefined ? (before?.companyId ?? null) : row.companyId;
  profiles.set(row.id, { companyId, metadata });
  if (before === undefined) return 'created';
  return companyId === before.companyId && sameEntries(metadata, before.metadata) ? 'unchanged' : 'updated';
}

/** Whether two sets of metadata are the same, digit by digit. */
export function sameEntries(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}

interface Row {
  id: string;
  companyId: string | null | undefined;
  metadata: Map<string, string>;
}

/** The row, or undefined when a rule refuses it. */
function readRow(raw: Buffer, entity: Entity): Row | undefined {
  if (raw.length > MEBIBYTE || !isUtf8(raw)) return undefined;
  const text = raw.toString();
  const value = parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  // Of a key that comes twice the last one counts.
  const members = new Map(membersOf(text));
  const id = parse(members.get(ENTITIES[entity].idKey) ?? 'null');
  if (!isGoodId(id)) return undefined;
  const companyText = entity === 'user' ? members.get('company_id') : undefined;
  const companyId = companyText === undefined ? undefined : parse(companyText);
  if (companyId !== undefined && companyId !== null && !isGoodId(companyId)) return undefined;
  const metadataText = (members.get('metadata') ?? 'null').trim();
  if (metadataText === 'null') return { id, companyId, metadata: new Map() };
  if (!metadataText.startsWith('{')) return undefined;
  const entries = new Map(membersOf(metadataText));
  if (entries.size > 1_000) return undefined;
  const metadata = new Map<string, string>();
  for (const [key, valueText] of entries) {
    if (!isText(key, 256) || key === '' || !isGoodValue(valueText)) return undefined;
    metadata.set(key, canonical(valueText));
  }
  return { id, companyId, metadata };
}

function isGoodId(id: unknown): id is string {
  return typeof id === 'string' && id.trim() !== '' && isText(id, 256) && !/\p{Cc}/u.test(id);
}

function isText(text: string, mostCharacters: number): boolean {
  return !text.includes('\0') && text.isWellFormed() && [...text].length <= mostCharacters;
}

function isGoodValue(text: string): boolean {
  if (/^[[{]/.test(text)) return false;
  if (text.startsWith('"')) return isText(parse(text) as string, 65_536);
  if (!/^[-\d]/.test(text)) return true;
  const value = Number(text);
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
  // Not storable with every digit: beyond a double either way, or beyond PostgreSQL's numeric (docs/errors.md).
  if (!Number.isFinite(value) || (value === 0 && /[1-9]/.test(mantissa))) return false;
  const fraction = (mantissa.split('.')[1] ?? '').length - Number(exponent);
  return fraction <= 16_383 && Math.abs(Number(exponent)) < 2 ** 30;
}

/** One text for each value: numbers in full with every digit after the point, as PostgreSQL shows its numeric. */
function canonical(text: string): string {
  if (!/^[-\d]/.test(text)) return JSON.stringify(parse(text));
  const [mantissa = '', exponent = '0'] = text.replace('-', '').toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const point = whole.length + Number(exponent);
  const digits = `${whole}${fraction}`;
  const isZero = /^0*$/.test(digits);
  const scale = Math.max(0, fraction.length - Number(exponent));
  const padded = isZero
    ? '0'.repeat(scale + 1)
    : `${'0'.repeat(Math.max(0, 1 - point))}${digits}${'0'.repeat(Math.max(0, point - digits.length))}`;
  const head = padded.slice(0, padded.length - scale).replace(/^0+(?=\d)/, '');
  const sign = text.startsWith('-') && !isZero ? '-' : '';
  return `${sign}${head}${scale > 0 ? `.${padded.slice(padded.length - scale)}` : ''}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]|[^\s{}[\]:,"]+/gs;

/** The members of an object that JSON.parse has accepted, each value as its own text. Never recurses. */
function membersOf(text: string): [key: string, value: string][] {
  return piecesOf(text).map(({ key, value }) => [parse(key) as string, value]);
}

function elementsOf(text: string): string[] {
  return piecesOf(text).map(({ value }) => value);
}

/** What stands between the commas of the outermost container. */
function piecesOf(text: string): { key: string; value: string }[] {
  const pieces: { key: string; value: string }[] = [];
  let depth = 0;
  let [key, start, end] = ['', -1, -1];
  const finish = () => {
    if (start !== -1) pieces.push({ key, value: text.slice(start, end) });
    start = -1;
  };
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    const isClose = token === '}' || token === ']';
    if (isClose) depth--;
    if (depth === 0 && isClose) finish();
    else if (depth === 1 && token === ',') finish();
    else if (depth === 1 && token === ':') {
      key = text.slice(start, end);
      start = -1;
    } else if (depth >= 1) {
      if (start === -1) start = index;
      end = index + token.length;
    }
    if (token === '{' || token === '[') depth++;
  }
  return pieces;
}
