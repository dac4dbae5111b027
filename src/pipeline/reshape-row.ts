/**
 * Rows that are objects, with other keys than the contract's: the id under another name or as a number, properties beside
 * the id. Numbers keep every digit.
 */
import { isUtf8 } from 'node:buffer';
import { isLosslessNumber, stringify } from 'lossless-json';
import type { EntityTraits } from '#job/entity';
import { type RowError, rowError } from '#job/outcome';
import type { Reading } from '#job/reading';
import { invalidJson, MAX_ROW_BYTES } from './read-row';
import { isDeeperThan, MAX_DEPTH, parseExactly } from './settle-nested';

type Entries = Map<string, unknown>;

/** Whether rows that are JSON are not taken as they are. */
export function isReshaped({ mapping, flat, ids }: Reading = {}): boolean {
  const { id, company, rename, skip, null_values } = mapping ?? {};
  return Boolean(flat || ids || id || company || rename || skip || null_values);
}

/** @returns the row with the contract's keys, or why it cannot be had; what is no object stays as it is */
export function reshapeRow(raw: Buffer, traits: EntityTraits, reading: Reading): Buffer | RowError {
  if (raw.length > MAX_ROW_BYTES) return rowError('row_too_large');
  if (!isUtf8(raw)) return rowError('invalid_encoding');
  const text = raw.toString('utf8');
  let plain: unknown;
  try {
    plain = JSON.parse(text);
  } catch {
    return invalidJson(text);
  }
  // The exact parser is recursive; what is that deep is refused as it is.
  if (!isObject(plain) || isDeeperThan(MAX_DEPTH, plain)) return raw;
  const row = new Map(Object.entries(parseExactly(text) as object));
  return Buffer.from(stringify(Object.fromEntries(reshape(row, traits, reading))) ?? '{}');
}

function reshape(row: Entries, traits: EntityTraits, { mapping = {}, flat, ids }: Reading): Entries {
  const { idKey, belongsToCompany } = traits;
  const own: Entries = new Map();
  move(row, mapping.id ?? idKey, own, idKey);
  if (belongsToCompany) move(row, mapping.company ?? 'company_id', own, 'company_id');
  if (ids === 'stringify')
    for (const [key, value] of own) if (isLosslessNumber(value)) own.set(key, value.toString());
  const metadata = row.get('metadata');
  row.delete('metadata');
  const isTaken = metadata === undefined || metadata === null || isObject(metadata);
  if (!isTaken) return new Map([...own, ['metadata', metadata], ...row]);
  const properties: Entries = new Map([...(flat ? row : []), ...Object.entries(metadata ?? {})]);
  return new Map([
    ...own,
    ['metadata', Object.fromEntries(rename(properties, mapping))],
    ...(flat ? [] : row),
  ]);
}

function rename(
  properties: Entries,
  { rename: names = {}, skip = [], null_values = [] }: NonNullable<Reading['mapping']>,
): Entries {
  const renamed: Entries = new Map();
  for (const [key, value] of properties) {
    if (skip.includes(key) || (typeof value === 'string' && null_values.includes(value))) continue;
    renamed.set(Object.hasOwn(names, key) ? (names[key] as string) : key, value);
  }
  return renamed;
}

function move(from: Entries, key: string, to: Entries, as: string): void {
  if (!from.has(key)) return;
  to.set(as, from.get(key));
  from.delete(key);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
