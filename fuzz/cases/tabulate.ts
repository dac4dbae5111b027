/**
 * Imports as CSV. The same cells are written twice, as CSV and as the NDJSON that they mean, so that what must become of
 * them is known without reading CSV here.
 */
import { gzipSync } from 'node:zlib';
import { ENTITIES } from '#job/entity';
import type { Payload } from '../predict';
import type { Composed, Maker } from './case';
import { frame } from './frame';
import { wrapFile } from './multipart';
import { mutateCsv } from './mutate';
import type { Random } from './random';
import { expectImport, post } from './wrap';

// biome-ignore format: a table, some of a kind to a line
const CELLS = [
  '', 'x', '1', '0.10', 'null', ' ', '"', '""', 'a"b', 'a,b', 'a\nb', 'a\r\nb', '{"a":1}', 'é', '😀', '\u2028', "'", '=1+1',
];
const COLUMNS = ['plan', 'a,b', 'say "hi"', 'näme', '__proto__', 'metadata', 'two\nlines', '0'];

/** CSV as the body, compressed or not, or as a file. Damaged half of the time; then nothing is known. */
export function inCsv(maker: Maker): Composed {
  const { random } = maker;
  const { csv, payload } = writeCsv(maker);
  const mutations = random.chance(0.5) ? 0 : 1 + random.whole(4);
  let bytes = csv;
  for (let n = 0; n < mutations; n++) bytes = mutateCsv(random, bytes);
  const isSound = mutations === 0;
  const send = (type: string, body: Buffer, ...headers: [string, string][]) =>
    frame(random, { ...post(maker, type, ...headers), body });
  return random.pick<() => Composed>([
    () => ({ wire: send('text/csv', bytes), mutations, ...expectImport(maker, payload, isSound) }),
    () => ({
      wire: send('text/csv; charset=utf-8', gzipSync(bytes), ['Content-Encoding', 'gzip']),
      ...{ mutations, ...expectImport(maker, payload, isSound) },
    }),
    () => {
      const { type, body, sound } = wrapFile(random, bytes, 'users.CSV');
      return { wire: send(type, body), mutations, ...expectImport(maker, payload, isSound && sound) };
    },
  ])();
}

function writeCsv(maker: Maker): { csv: Buffer; payload: Payload } {
  const { random, entity, number } = maker;
  const { idKey, belongsToCompany } = ENTITIES[entity];
  const keys = COLUMNS.filter(() => random.chance(0.4));
  const header = [idKey, ...(belongsToCompany && random.chance(0.5) ? ['company_id'] : []), ...keys];
  if (random.chance(0.5)) header.reverse();
  const records = Array.from({ length: random.whole(8) }, () =>
    header.map((column) =>
      column === idKey || column === 'company_id'
        ? random.pick(['', `c${number}-${random.whole(4)}`, `c${number}-${random.whole(4)} x`])
        : random.pick([...CELLS, `canary-${number}-value@secret.example`]),
    ),
  );
  const lineEnd = random.pick(['\n', '\r\n']);
  const lines = [header, ...records].map((cells) => cells.map((cell) => quote(random, cell)).join(','));
  const text = lines.join(lineEnd) + (random.chance(0.8) ? lineEnd : '');
  const rows = records.map((cells) => meaning(header, cells, idKey)).join('\n');
  return { csv: Buffer.from(text), payload: { form: 'ndjson', bytes: Buffer.from(rows) } };
}

/** Never without quotes where it would be an empty line: of one column that is empty. */
function quote(random: Random, cell: string): string {
  const isPlain = cell !== '' && !/[",\r\n]/.test(cell) && random.chance(0.7);
  return isPlain ? cell : `"${cell.replaceAll('"', '""')}"`;
}

/** The row that a record means: an empty cell is left out. */
function meaning(header: readonly string[], cells: readonly string[], idKey: string): string {
  const filled = header
    .map((column, at) => [column, cells[at] ?? ''] as const)
    .filter(([, cell]) => cell !== '');
  const isOwn = ([column]: readonly [string, string]) => column === idKey || column === 'company_id';
  const members = [
    ...filled.filter(isOwn).map(member),
    `"metadata":{${filled
      .filter((entry) => !isOwn(entry))
      .map(member)
      .join(',')}}`,
  ];
  return `{${members.join(',')}}`;
}

function member([key, text]: readonly [string, string]): string {
  return `${JSON.stringify(key)}:${JSON.stringify(text)}`;
}
