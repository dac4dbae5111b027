/**
 * Small damage to any bytes, and the words that parsers stumble over. A mutation never looks at what the bytes mean, so
 * the same ones serve for rows, forms, heads and compressed data.
 */
import type { Random } from './random';

const bytes = (text: string) => Buffer.from(text, 'latin1');

/** For rows and JSON bodies. */
// biome-ignore format: a table, some of a kind to a line
const JSON_TOKENS: readonly Buffer[] = [
  '\\u0000', '\\ud800', '\\udc00', '\\ud83d', '\\u', '\\x', '\\', '"', '""', '\0', '\x1f', '\x7f', '\xff', '\xc3',
  '\xed\xa0\x80', '\xc0\x80', '\xf4\x90\x80\x80', '\xef\xbb\xbf', '\xe2\x80\xa8', '\xff\xfe', '\v', '\f', '\xa0',
  '1e400', '-1e400', '1e-400', '1e99999999999', '0e99999999999', '0e-99999', '9007199254740993', '-0', '0.10', '01',
  '+1', '.5', '1.', 'NaN', '-Infinity', '0x10', '1_0', 'null', 'true', 'undefined', '// x\n', '/**/', "'a'", 'n', '-',
  '{', '}', '[', ']', ',', ':', ',,', '{}', '[]', '[{', '}]', '},{', '}\n{', '\n', '\r', '\r\n', '\n\n', ' ', '\t',
  '"__proto__":{"x":1},', '"constructor":null,', '"user_id":5,', '"user_id":"",', '"user_id":" ",', '"company_id":""',
  '"metadata":null,', '"metadata":[],', '"metadata":{"a":{}},', '"users":[],', '"toJSON":1,', '"metadata":{"":1},',
].map(bytes);

/** For CSV. */
// biome-ignore format: a table, some of a kind to a line
const CSV_TOKENS: readonly Buffer[] = [
  '"', '""', '"""', ',', ',,', '\n', '\r', '\r\n', '\n\n', '\0', '\xff', '\xef\xbb\xbf', ';', '\t', 'user_id', ',user_id',
  'company_id,', '\xe2\x80\xa8', ' ', 'x'.repeat(70_000), '"x', 'x"', '\\"', '\xed\xa0\x80',
].map(bytes);

/** For heads, forms and framing. */
// biome-ignore format: a table, some of a kind to a line
const WIRE_TOKENS: readonly Buffer[] = [
  '\r\n', '\n', '\r', '\r\n\r\n', '\n\n', '\0', ' ', '\t', ':', ';', ',', '=', '"', '\\', '--', '--\r\n', '%00', '%0d%0a',
  '\r\nTransfer-Encoding: chunked', '\r\nContent-Length: 5', '\r\nContent-Encoding: gzip', '\r\nExpect: 100-continue',
  '\r\nConnection: close', '\r\nConnection: upgrade\r\nUpgrade: h2c', '\r\nX-Request-Id: ../..', '\r\n folded',
  'multipart/form-data', 'boundary=', 'boundary=""', 'charset=utf-16', "filename*=UTF-8''%ff", 'name="__proto__"', '\xff',
  'GET / HTTP/1.1\r\n\r\n', '0\r\n\r\n', 'HTTP/1.0', 'HTTP/9.9', 'HTTP/1.1', '/../', '%', '%ff', '?', '#', '*', '\x80',
].map(bytes);

/** Containers in containers: for whoever recurses. */
function nesting(random: Random): Buffer {
  const depth = random.pick([100, 1_000, 6_000, 20_000, 150_000]);
  const [open, close] = random.pick([
    ['[', ']'],
    ['{"a":', '}'],
    ['[{"a":', '}]'],
  ] as const);
  return bytes(`${open.repeat(depth)}${random.chance(0.7) ? `0${close.repeat(depth)}` : ''}`);
}

/** Damages bytes of JSON rows once. */
export function mutateJson(random: Random, original: Buffer): Buffer {
  return random.weighted([
    [10, () => mutateBytes(random, original, JSON_TOKENS)],
    [4, () => replaceValue(random, original, random.pick(JSON_TOKENS))],
    [1, () => replaceValue(random, original, nesting(random))],
    [1, () => replaceValue(random, original, longText(random))],
  ])();
}

/** Damages bytes of CSV once. */
export function mutateCsv(random: Random, original: Buffer): Buffer {
  return mutateBytes(random, original, CSV_TOKENS);
}

/** Damages bytes of a head, a form or a whole request once. */
export function mutateWire(random: Random, original: Buffer): Buffer {
  return mutateBytes(random, original, WIRE_TOKENS);
}

function mutateBytes(random: Random, original: Buffer, tokens: readonly Buffer[]): Buffer {
  const at = random.whole(original.length + 1);
  const length = random.weighted([
    [4, 1],
    [3, 1 + random.whole(8)],
    [1, 1 + random.whole(400)],
  ]);
  const before = original.subarray(0, at);
  const piece = original.subarray(at, at + length);
  return random.weighted<() => Buffer>([
    [4, () => flipBit(random, original)],
    [5, () => Buffer.concat([before, random.pick(tokens), original.subarray(at)])],
    [3, () => Buffer.concat([before, random.pick(tokens), original.subarray(at + length)])],
    [3, () => Buffer.concat([before, original.subarray(at + length)])],
    [2, () => Buffer.concat([before, piece, piece, original.subarray(at + length)])],
    [1, () => Buffer.concat([before, random.bytes(1 + random.whole(8)), original.subarray(at)])],
    [1, () => before],
    [1, () => move(random, original, at, length)],
  ])();
}

function flipBit(random: Random, original: Buffer): Buffer {
  const copy = Buffer.from(original);
  const at = random.whole(copy.length);
  if (copy.length > 0) copy[at] = (copy[at] ?? 0) ^ (1 << random.whole(8));
  return copy;
}

function move(random: Random, original: Buffer, at: number, length: number): Buffer {
  const rest = Buffer.concat([original.subarray(0, at), original.subarray(at + length)]);
  const to = random.whole(rest.length + 1);
  return Buffer.concat([rest.subarray(0, to), original.subarray(at, at + length), rest.subarray(to)]);
}

/** Puts something else where a number, a string or a literal was. */
function replaceValue(random: Random, original: Buffer, value: Buffer): Buffer {
  const found = [...original.toString('latin1').matchAll(/(?<=:)(?:"[^"\\]*"|[-\w.+]+)/g)];
  if (found.length === 0) return Buffer.concat([original, value]);
  const { 0: old, index } = random.pick(found);
  return Buffer.concat([original.subarray(0, index), value, original.subarray(index + old.length)]);
}

/** Strings at and around the limits of ids, keys, values and rows. */
function longText(random: Random): Buffer {
  const length = random.pick([255, 256, 257, 2_704, 65_535, 65_536, 65_537, 1_048_576]);
  return Buffer.from(`"${random.pick(['x', 'é', '😀', '\\u0061', ' ']).repeat(length)}"`);
}
