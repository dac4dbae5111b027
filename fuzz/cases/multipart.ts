/**
 * Forms by hand: the one that every client writes, and those that no client should. A form is its bytes and the type
 * that its request declares.
 */
import type { Random } from './random';

export interface Form {
  type: string;
  body: Buffer;
  /** Whether it is by the rules, one file and nothing else, so that its file is what is imported. */
  sound: boolean;
}

const NAMES = ['file', 'file', 'File', 'file[]', 'file[0]', 'a[999999999]', 'a[4294967294]', '__proto__', ''];
// biome-ignore format: a table, some of a kind to a line
const MORE_NAMES = [
  '__proto__[x]', 'constructor[prototype][x]', `a${'[b]'.repeat(2_000)}`, 'n'.repeat(70_000), 'file\0',
];
// biome-ignore format: a table, some of a kind to a line
const FILENAMES = [
  'users.ndjson', 'users.csv', '../../etc/passwd', 'C:\\x\\y', 'a%0d%0aSet-Cookie: x=1', 'näme 😀.ndjson', '..', '.', '/',
  'x%00y', '%22', 'a\\"b', "'", '<script>', '\u202egnp.exe', 'n'.repeat(5_000), 'NUL', '😀'.repeat(300), 'a/', '%0a', ' ',
];
// biome-ignore format: a table, some of a kind to a line
const PART_TYPES = [
  'application/octet-stream', 'text/plain', 'application/json', 'text/csv', 'multipart/mixed; boundary=x',
];
// biome-ignore format: a table, some of a kind to a line
const BOUNDARIES = [
  'x', '----WebKitFormBoundaryABC', "'()+_,-./:=?", 'b'.repeat(70), 'b'.repeat(200), '--', 'a b',
];

/** The form with the file in it as a client sends it; its form varies, its meaning does not. @param name of the file */
export function wrapFile(random: Random, file: Buffer, name?: string): Form {
  const boundary = random.chance(0.8) ? `muster-${random.whole(1e9)}` : random.pick(BOUNDARIES.slice(0, 4));
  const filename =
    name ?? (random.chance(0.7) ? 'users.ndjson' : random.pick(FILENAMES).replaceAll('"', '%22'));
  const typeLine = random.chance(0.8) ? [`Content-Type: ${random.pick(PART_TYPES.slice(0, 3))}`] : [];
  const head = [`Content-Disposition: form-data; name="file"; filename="${filename}"`, ...typeLine];
  if (random.chance(0.3)) head.reverse();
  const body = join(boundary, [part(head, file)]);
  // A file may not hold its boundary. What has no name once its folders are gone is no file to the parser; what has the
  // name of a CSV is read as one.
  const base = filename.split(/[\\/]/).at(-1) ?? '';
  const sound = !file.includes(`\r\n--${boundary}`) && !/^\.{0,2}$|\.csv$/.test(base);
  return { type: `multipart/form-data; boundary=${quote(random, boundary)}`, body, sound };
}

function quote(random: Random, boundary: string): string {
  return random.chance(0.3) || /[^\w-]/.test(boundary) ? `"${boundary}"` : boundary;
}

interface Part {
  head: string[];
  body: Buffer;
}

function part(head: string[], body: Buffer | string): Part {
  return { head, body: Buffer.from(body) };
}

function join(boundary: string, parts: readonly Part[], end = '--'): Buffer {
  const pieces = parts.flatMap(({ head, body }) => [
    Buffer.from(`--${boundary}\r\n${head.map((line) => `${line}\r\n`).join('')}\r\n`),
    body,
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...pieces, Buffer.from(`--${boundary}${end}\r\n`)]);
}

type Damage = (random: Random, boundary: string, file: Part) => Buffer | { body: Buffer; type: string };

const text = (name: string, value = 'x') => part([`Content-Disposition: form-data; name="${name}"`], value);
const named = (name: string, filename: string, body: Buffer) =>
  part([`Content-Disposition: form-data; name="${name}"; filename="${filename}"`], body);
const withLine = (file: Part, line: string): Part => ({ ...file, head: [...file.head, line] });
const replaced = (body: Buffer, from: string, to: string) =>
  Buffer.from(body.toString('latin1').replaceAll(from, to), 'latin1');

/** Forms that are odd or broken as a whole; each is likely to be refused, none may do harm. */
const DAMAGES: readonly Damage[] = [
  (_, boundary, file) => join(boundary, [file, file]),
  (_, boundary, file) => join(boundary, [file], ''),
  (_, boundary, file) => join(boundary, [file], '-'),
  (_, boundary, file) => join(boundary, []).subarray(0, file.head.length),
  (_, boundary, file) => replaced(join(boundary, [file]), '\r\n', '\n'),
  (_, boundary, file) => replaced(join(boundary, [file]), boundary, `${boundary}x`),
  (random, boundary, file) => join(boundary, [named(random.pick(NAMES), random.pick(FILENAMES), file.body)]),
  (random, boundary, file) => join(boundary, [named(random.pick(MORE_NAMES), 'x', file.body)]),
  (random, boundary, file) => join(boundary, shuffled(random, [text(random.pick(NAMES)), file])),
  (random, boundary, file) => join(boundary, shuffled(random, [text(random.pick(MORE_NAMES)), file])),
  (random, boundary, file) => join(boundary, shuffled(random, [text('file', 'y'.repeat(2_000_000)), file])),
  (random, boundary, file) => join(boundary, many(random, file)),
  (_, boundary, file) => join(boundary, [part([], file.body)]),
  (_, boundary, file) => join(boundary, [part(['Content-Disposition: attachment; name="file"'], file.body)]),
  (_, boundary, file) => join(boundary, [part(['Content-Disposition: form-data'], file.body)]),
  (_, boundary, file) => join(boundary, [named('file', '', file.body)]),
  (_, boundary, file) => join(boundary, [part(['Content-Type: application/octet-stream'], file.body)]),
  (random, boundary, file) =>
    join(boundary, [withLine(file, `X-Big: ${'h'.repeat(random.pick([7_000, 16_384, 65_536, 1e6]))}`)]),
  (random, boundary, file) => join(boundary, [{ ...file, head: [...file.head, ...headerLines(random)] }]),
  (_, boundary, file) => join(boundary, [withLine(file, 'X-Folded: a\r\n b')]),
  (_, boundary, file) => join(boundary, [withLine(file, 'Content-Transfer-Encoding: base64')]),
  (_, boundary, file) => join(boundary, [withLine(file, 'Content-Length: 3')]),
  (random, boundary, file) => join(boundary, [encodedName(random, file)]),
  (_, boundary, file) => join(boundary, [nested(boundary, file)]),
  (_, boundary, file) =>
    Buffer.concat([Buffer.from('preamble\r\n'), join(boundary, [file]), Buffer.from('epilogue')]),
  (_, boundary, file) => Buffer.concat([join(boundary, [file]), join(boundary, [file])]),
  (random, boundary, file) => join(boundary, [file]).subarray(0, random.whole(file.body.length + 200)),
  (random, boundary, file) => ({ body: join(boundary, [file]), type: random.pick(brokenTypes(boundary)) }),
  (random, _, file) => oddBoundary(random.pick(BOUNDARIES), file),
];

function shuffled(random: Random, parts: Part[]): Part[] {
  return random.chance(0.5) ? parts : parts.reverse();
}

function many(random: Random, file: Part): Part[] {
  const one = random.pick([
    file,
    text('a'),
    text('a[]'),
    text('a[5]'),
    named('a', 'b', Buffer.from('c')),
    part([], ''),
  ]);
  return Array.from({ length: random.pick([2, 33, 1_001, 5_000]) }, () => one);
}

function headerLines(random: Random): string[] {
  return Array.from({ length: random.pick([31, 32, 33, 2_001]) }, (_, n) => `X-${n}: ${n}`);
}

/** Names in the ways of RFC 5987, and the percent signs of browsers. */
function encodedName(random: Random, file: Part): Part {
  const parameter = random.pick([
    ...[
      "filename*=utf-8''n%C3%A4me",
      "filename*=utf-8''%ff",
      "filename*=bogus''x",
      'filename*=x',
      "filename*=utf-8''%0d%0a",
    ],
    ...[
      'filename*0=a; filename*1=b',
      'filename="a"; filename="b"',
      'filename=a b',
      'filename="a',
      "name*=utf-8''file",
    ],
  ]);
  return { ...file, head: [`Content-Disposition: form-data; name="file"; ${parameter}`] };
}

function nested(boundary: string, file: Part): Part {
  const inner = join('inner', [named('file', 'x', file.body)]);
  return part(
    ['Content-Disposition: form-data; name="file"', 'Content-Type: multipart/mixed; boundary=inner'],
    Buffer.concat([inner, Buffer.from(`--${boundary}x`)]),
  );
}

function brokenTypes(boundary: string): string[] {
  return [
    ...[
      'multipart/form-data',
      'multipart/form-data; boundary=',
      'multipart/form-data; boundary=""',
      'multipart/form-data;',
    ],
    ...[`multipart/mixed; boundary=${boundary}`, `multipart/form-data; boundary=${boundary}; boundary=other`],
    ...[
      `multipart/form-data; charset=utf-16; boundary=${boundary}`,
      `multipart/form-data boundary=${boundary}`,
    ],
    ...[
      `MULTIPART/FORM-DATA; BOUNDARY=${boundary}`,
      `multipart/form-data; boundary="${boundary}`,
      'multipart/',
    ],
    ...[`multipart/form-data; boundary*=utf-8''${boundary}`, `multipart/form-data;;boundary=${boundary};x`],
  ];
}

function oddBoundary(boundary: string, file: Part): { body: Buffer; type: string } {
  return { body: join(boundary, [file]), type: `multipart/form-data; boundary="${boundary}"` };
}

/** A form that is odd or broken as a whole. */
export function damageForm(random: Random, file: Buffer): Form {
  const boundary = `muster-${random.whole(1e9)}`;
  const type = `multipart/form-data; boundary=${boundary}`;
  const made = random.pick(DAMAGES)(random, boundary, named('file', 'users.ndjson', file));
  return { type, sound: false, ...(Buffer.isBuffer(made) ? { body: made } : made) };
}
