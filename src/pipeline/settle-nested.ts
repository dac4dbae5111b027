/**
 * What becomes of objects and arrays as values of metadata, which hold single values only: dropped, or flattened into keys
 * such as `address.city` and `tags.0`. Numbers keep every digit.
 */
import { parse, stringify } from 'lossless-json';
import type { NestedMode } from '#job/options';

/** Deeper than any export of a CRM, and far from where a recursive parser runs out of stack. */
export const MAX_DEPTH = 100;

export interface SettledRow {
  /** JSON text of the row, whose metadata has single values only. */
  text: string;
  /** Keys of the metadata that were dropped. */
  dropped: string[];
}

/** Whether a value is an object or an array. */
export function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/**
 * @param text one row, valid JSON, an object whose metadata is an object
 * @param row the same, parsed
 * @returns undefined when the row is deeper than MAX_DEPTH
 */
export function settleNested(
  text: string,
  row: unknown,
  mode: Exclude<NestedMode, 'reject'>,
): SettledRow | undefined {
  if (isDeeperThan(MAX_DEPTH, row)) return undefined;
  const exact = parseExactly(text) as { metadata: Record<string, unknown> };
  const settled = new Map<string, unknown>();
  const dropped: string[] = [];
  for (const [key, value] of Object.entries(exact.metadata)) {
    if (!isContainer(value)) settled.set(key, value);
    else if (mode === 'ignore') dropped.push(key);
    else flatten(key, value, settled);
  }
  // fromEntries defines own properties, whatever a key is called.
  const metadata = Object.fromEntries(settled);
  return { text: stringify({ ...exact, metadata }) ?? '{}', dropped };
}

/** JSON.parse with numbers that keep their text; of two members of a name the last one counts, as there. */
export function parseExactly(text: string): unknown {
  return parse(text, null, { onDuplicateKey: ({ newValue }) => newValue });
}

/** Never recurses: what is looked at may be a million arrays deep. */
export function isDeeperThan(depth: number, value: unknown): boolean {
  let level = [value].filter(isNested);
  for (let n = 0; level.length > 0; n++) {
    if (n > depth) return true;
    level = level.flatMap((container) => Object.values(container).filter(isNested));
  }
  return false;
}

/** Numbers are objects of the exact parser's. */
function isContainer(value: unknown): value is object {
  return Array.isArray(value) || (isNested(value) && Object.getPrototypeOf(value) === Object.prototype);
}

function flatten(path: string, value: object, into: Map<string, unknown>): void {
  for (const [key, member] of Object.entries(value)) {
    if (isContainer(member)) flatten(`${path}.${key}`, member, into);
    else into.set(`${path}.${key}`, member);
  }
}
