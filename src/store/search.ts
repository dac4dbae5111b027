/** Searching stored users and companies by what people know of them. Every condition is a range or a value of an index. */
import type { Entity } from '#job/entity';
import type { Transaction } from './client';

/** Longest text that is searched for: more than any e-mail address or id has. */
export const MAX_SEARCH_LENGTH = 320;

/**
 * Statements of this transaction read rows by an index and in its order, so that they stop at the end of a page, whatever
 * PostgreSQL believes about the size of a table or how many rows have a value.
 */
export async function goByIndex(tx: Transaction): Promise<void> {
  await tx.query(
    `SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
            set_config('enable_sort', 'off', true)`,
  );
}

/** As the index users_by_email has it. */
const EMAIL = `lower(left((metadata ->> 'email'), ${MAX_SEARCH_LENGTH}) COLLATE "C")`;

/** Conditions, of which each finds its part of the result by an index; no two of them find the same. */
export type SearchParts = readonly string[];

/**
 * Finds those whose id begins with the text, and users whose `metadata.email` is the text in any case.
 * @param idColumn of the entity
 * @param bind takes a value and gives its parameter, such as `$4`
 */
export function searchParts(
  entity: Entity,
  idColumn: string,
  text: string,
  bind: (value: string) => string,
): SearchParts {
  const start = bind(text);
  const end = prefixEnd(text);
  const begins = [`${idColumn} >= ${start}`, ...(end === undefined ? [] : [`${idColumn} < ${bind(end)}`])];
  const byId = begins.join(' AND ');
  if (entity !== 'user') return [byId];
  return [byId, `metadata ? 'email' AND ${EMAIL} = lower(${start} COLLATE "C") AND NOT (${byId})`];
}

const LAST_CHARACTER = 0x10ffff;

/**
 * The first text, by bytes of UTF-8, behind all that begin with this one; undefined when nothing is behind them.
 * @param text without lone surrogates
 */
export function prefixEnd(text: string): string | undefined {
  const characters = [...text].map((character) => character.codePointAt(0) as number);
  while (characters.at(-1) === LAST_CHARACTER) characters.pop();
  const last = characters.pop();
  if (last === undefined) return undefined;
  // Behind U+D7FF come the surrogates, which no text has alone.
  const next = last === 0xd7ff ? 0xe000 : last + 1;
  return String.fromCodePoint(...characters, next);
}
