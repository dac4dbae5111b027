/** Edits the head of a request: its headers and its target, each in a way that some server has stumbled over. */
import type { Headers, Message } from './frame';
import type { Random } from './random';

// biome-ignore format: a table, some of a kind to a line
const TYPES = [
  '', 'application/json; charset=utf-16', 'application/json; charset=latin1', 'application/json;charset="UTF-8"', '*/*',
  'application/json; charset=', 'application/json;;', 'APPLICATION/JSON', 'application/vnd.x+json', 'application/x-ndjson',
  'text/csv', 'text/plain', 'application/x-www-form-urlencoded', 'application/json, text/plain', 'a', '/', '\xff',
  'multipart/form-data; boundary=x', 'application/jsonl', `application/json; x=${'y'.repeat(9_000)}`, 'application/json\0',
  'application/json; x="',
];

// biome-ignore format: a table, some of a kind to a line
const ENCODINGS = [
  'gzip', 'GZIP', 'gzip, gzip', 'br', 'deflate', 'zstd', 'identity', 'x-gzip', '', 'gzip;q=1', 'identity, gzip',
];

/** Without HEAD, whose answer says how long the body would be and has none. */
const METHODS = [
  'GET',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'PURGE',
  'QUERY',
  'FOO',
  'post',
  '',
];
const CREDENTIALS = ['', 'Token', 'Basic eDp5', 'Token x', `Token ${'k'.repeat(9_000)}`];
const HOSTS = ['', 'a b', 'h'.repeat(5_000), '[::1', '<script>', 'a/b?c#d', '\xff'];
const REQUEST_IDS = ['a\tb', '../..', 'x'.repeat(201), '%0d%0aX: y', 'ü', ''];

/** Values that take the place of those that are there. */
const CHANGED: readonly (readonly [name: string, values: readonly string[]])[] = [
  ['content-type', TYPES],
  ['content-encoding', ENCODINGS],
  ['host', HOSTS],
  ['authorization', CREDENTIALS],
];

/** Headers that come on top; some twice then. */
const ADDED: typeof CHANGED = [
  ['Content-Encoding', ENCODINGS],
  ['Content-Type', TYPES],
  ['Accept', ['application/problem+json', 'text/html', '*/*;q=0', ',,;;', '\xff']],
  ['Host', ['other.test', 'muster.test']],
  ['X-Api-Key', CREDENTIALS],
  ['X-Big', [1_000, 15_000, 17_000, 70_000].map((bytes) => 'b'.repeat(bytes))],
  ['Expect', ['100-continue', '200-ok', '100-continue, x', '']],
  ['Connection', ['close', 'upgrade', 'keep-alive, close', 'transfer-encoding', '']],
  ['Upgrade', ['h2c', 'websocket', '']],
  ['X-Request-Id', REQUEST_IDS],
  ['__proto__', ['x']],
  ['constructor', ['x']],
  ['X Y', ['x']],
  ['', ['x']],
  ['Ü', ['x']],
];

type Edit = (random: Random, headers: Headers) => Headers;

/** The whole of the head at once. */
const EDITS: readonly Edit[] = [
  (random, headers) => headers.toSpliced(random.whole(headers.length), 1),
  (random, headers) => [
    ...headers,
    ...Array.from({ length: random.pick([100, 1_990, 3_000]) }, () => ['X-A', '1'] as const),
  ],
  (_, headers) => headers.map(([name, value]) => [name.toUpperCase(), `\t ${value} \t`]),
  (_, headers) => headers.map(([name, value]) => [name, `${value}\r\n folded`]),
];

function change(random: Random, headers: Headers): Headers {
  const [name, values] = random.pick(CHANGED);
  const value = random.pick(values);
  return headers.map(([old, kept]) => [old, old.toLowerCase() === name ? value : kept]);
}

function add(random: Random, headers: Headers): Headers {
  const [name, values] = random.pick(ADDED);
  return [...headers, [name, random.pick(values)]];
}

/** Edits the head once. */
export function editHead(random: Random, message: Message): Message {
  if (random.chance(0.15)) return { ...message, target: editTarget(random, message.target) };
  if (random.chance(0.08)) return { ...message, method: random.pick(METHODS) };
  const edit = random.weighted<Edit>([
    [5, change],
    [7, add],
    [2, random.pick(EDITS)],
  ]);
  return { ...message, headers: edit(random, message.headers) };
}

function editTarget(random: Random, target: string): string {
  const query = [
    ...[
      '?dry_run=maybe',
      '?',
      '?__proto__[x]=1',
      `?a[${'b]['.repeat(500)}]=1`,
      '?x=%ff%',
      `?${'q'.repeat(15_000)}`,
    ],
    ...['?a=1&a=2', '#x', '/', '%00', '/%E0%A4%A', ';x', '?\xff'],
  ];
  const whole = [
    ...[
      `/${target}`,
      `http://other.test${target}`,
      '*',
      target.toUpperCase(),
      `/v1/../v1${target.slice(3)}`,
      '//',
    ],
    ...['', ' ', '/v1/users/%00', '/v1/users/%ud800', '/v1/background_jobs/%0d%0a', '/v1/users?cursor=e30'],
  ];
  return random.chance(0.5) ? target + random.pick(query) : random.pick(whole);
}
