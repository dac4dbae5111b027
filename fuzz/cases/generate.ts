/**
 * Makes valid imports: rows, and the file or JSON body that holds them. A few values are awkward and a few rows are
 * refused by rule, but every byte is as the contract allows it.
 */
import { ENTITIES, type Entity } from '#job/entity';
import type { Payload } from '../predict';
import type { Random } from './random';

/** Whatever is personal in the rows; must never be seen in an answer or a log. */
export const CANARY = /canary-\d+-[a-z]+/;

// biome-ignore format: a table, some of a kind to a line
const WORDS = [
  'plan', 'seats', 'näme', '名前', '😀', 'a.b', '$set', 'constructor', '__proto__', 'toString', 'email', '-1', '0',
];

/** JSON texts of values that implementations like to change. */
// biome-ignore format: a table, some of a kind to a line
const VALUES = [
  '0', '-0', '0.10', '1.0', '1e5', '1E+2', '-1.5e-3', '9007199254740993', '0.1e1', '1e308', '12345678901234567890123',
  '"\\u0061"', '"\\ud83d\\ude00"', '"\u2028"', '"\\\\"', '"\\""', '"2024-02-30"', '"2024-01-01T00:00:00Z"', '""',
  'true', 'false', 'null', '"é"', '"e\u0301"', '"\\/"', '"\ufeff"', '"-1"', '"null"', '" x "', '"\\t\\n"', '"1e400"',
];

/** JSON texts of ids: near each other, so that whoever folds or trims them merges users. */
// biome-ignore format: a table, some of a kind to a line
const ID_TAILS = [
  '', ' ', 'A', 'a', 'é', 'e\u0301', '\u200b', '😀', '%00', '..', '/', '\\"', '\\u0061', "'",
];

/** Members that a rule refuses, whatever stands beside them. */
// biome-ignore format: a table, some of a kind to a line
const REFUSED = [
  '"metadata":[]', '"metadata":{"k":{}}', '"metadata":{"k":[1]}', '"metadata":{"":1}', '"metadata":{"k":"\\u0000"}',
  '"metadata":{"\\udc00":1}', '"metadata":{"k":1e400}', '"metadata":"x"', '"metadata":{"k":1e-400}', '"metadata":7',
];

/** One row on one line. `n` is the number of the case; ids repeat within it. */
function makeRow(random: Random, entity: Entity, n: number): string {
  const { idKey, belongsToCompany } = ENTITIES[entity];
  const members = [`"${idKey}":"u${n}-${random.whole(6)}${random.pick(ID_TAILS)}"`];
  if (belongsToCompany && random.chance(0.4)) {
    members.push(
      `"company_id":${random.chance(0.2) ? 'null' : `"c${random.whole(3)}${random.pick(ID_TAILS)}"`}`,
    );
  }
  if (random.chance(0.8)) members.push(`"metadata":${makeMetadata(random, n)}`);
  if (random.chance(0.05)) members.push(random.pick(REFUSED));
  if (random.chance(0.05)) members.push(`"id":"canary-${n}-extra","environment_id":${random.whole(9)}`);
  const space = random.chance(0.1) ? ' ' : '';
  return `{${space}${shuffle(random, members).join(`,${space}`)}${space}}`;
}

function makeMetadata(random: Random, n: number): string {
  const members = Array.from({ length: random.whole(5) }, () => {
    const value = random.chance(0.3) ? `"canary-${n}-value@secret.example"` : random.pick(VALUES);
    return `"${random.pick(WORDS)}":${value}`;
  });
  return random.chance(0.05) ? 'null' : `{${members.join(',')}}`;
}

function shuffle<T>(random: Random, list: T[]): T[] {
  return list
    .map((value) => ({ value, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}

/** So many rows, with filler to make them about this large. */
export function makeRows(random: Random, entity: Entity, n: number, rows: number, rowBytes = 0): string[] {
  const filler = rowBytes > 0 ? `,"filler":"${'f'.repeat(rowBytes)}"}` : '}';
  return Array.from({ length: rows }, () => `${makeRow(random, entity, n).slice(0, -1).trimEnd()}${filler}`);
}

/** How many rows a case has: mostly few, and now and then just at the limit or above it. */
export function countRows(random: Random, maxRows: number): number {
  return random.weighted([
    [60, 1 + random.whole(4)],
    [25, 1 + random.whole(25)],
    [3, maxRows],
    [2, maxRows + 1],
    [1, 0],
  ]);
}

/** The rows as an NDJSON file. */
export function writeFile(random: Random, rows: readonly string[]): Payload {
  const lineEnd = random.weighted([
    [8, '\n'],
    [2, '\r\n'],
    [1, '\n\n'],
    [1, ' \n\t\r\n'],
  ] as const);
  const mark = random.chance(0.15) ? '\ufeff' : '';
  const text = rows.map((row) => `${row}${lineEnd}`).join('');
  return { form: 'ndjson', bytes: Buffer.from(mark + (random.chance(0.2) ? text.trimEnd() : text)) };
}

/** The rows as a JSON body: the bare array, or the envelope with or without other keys. */
export function writeJson(random: Random, rows: readonly string[], entity: Entity): Payload {
  const space = random.weighted([
    [8, ''],
    [1, ' '],
    [1, '\r\n\t'],
  ] as const);
  const array = `[${space}${rows.join(`${space},${space}`)}${space}]`;
  const { collection } = ENTITIES[entity];
  const text = random.weighted([
    [4, array],
    [6, `{"${collection}":${space}${array}}`],
    [1, `{"other":{"${collection}":[1]},"${collection}":${array},"more":[null]}`],
    [1, `\ufeff{"${collection.slice(0, -1)}\\u0073":${array}}`],
  ]);
  return { form: 'json', bytes: Buffer.from(text) };
}
