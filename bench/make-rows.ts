/**
 * Makes import files. Deterministic: the same size and version always give the same bytes, so that figures of different
 * days compare. A higher version has the same ids and keys and some other values, as the next day's export would.
 */
import { stringify } from 'ndjson';

export type Size = 'small' | 'big';

export const ROWS = 10_000;

/** For tables and progress. */
export const SIZES: Record<Size, string> = { small: '10,000 x 290 B', big: '10,000 x 4.7 kB' };

type Value = string | number | boolean;

const FIRST_NAMES = ['Ada', 'Björn', 'Chloé', 'Dmitri', 'Emeka', 'Fatima', 'Grace', 'Hiro', 'Inés', 'João'];
const LAST_NAMES = ['Adeyemi', 'Becker', 'Castillo', 'Dubois', 'Eriksen', 'Fischer', 'García', 'Haddad'];
const PLANS = ['free', 'starter', 'growth', 'scale', 'enterprise'];
const COUNTRIES = ['AT', 'BR', 'CA', 'DE', 'ES', 'FR', 'GB', 'IN', 'JP', 'NG', 'US', 'ZA'];
const WORDS =
  'account adopts after again beta billing checklist customer daily export feature flow guide imports invite ' +
  'launch migrates module onboarding opens owner plugin report resource seat session survey team trial upgrade';
const WORD_LIST = WORDS.split(' ');

/** An NDJSON file of ROWS users. */
export async function makeNdjson(size: Size, version = 0): Promise<Buffer> {
  const lines = stringify();
  const chunks: Buffer[] = [];
  lines.on('data', (chunk: string | Buffer) => chunks.push(Buffer.from(chunk)));
  const ended = new Promise<void>((resolve, reject) => {
    lines.once('end', resolve).once('error', reject);
  });
  for (let n = 1; n <= ROWS; n++) lines.write(makeUser(size, n, version));
  lines.end();
  await ended;
  return Buffer.concat(chunks);
}

/** One of them, with text of so many characters added to its metadata. */
export function makePaddedUser(
  n: number,
  characters: number,
): Record<string, unknown> & { metadata: object } {
  const user = makeUser('small', n, 0);
  return { ...user, metadata: { ...(user.metadata as object), notes: 'notes '.repeat(characters / 6) } };
}

/** The small users as a CSV: its header, then a line for each. */
export function* makeCsvLines(rows: number): Generator<string, void> {
  for (let n = 1; n <= rows; n++) {
    const { user_id, company_id, metadata } = makeUser('small', n, 0);
    const values = metadata as Record<string, Value>;
    if (n === 1) yield `uuid,company_id,${Object.keys(values).join(',')}\n`;
    yield `${user_id},${company_id},${Object.values(values).join(',')}\n`;
  }
}

/** The same users as one JSON body. */
export function toJsonBody(ndjson: Buffer): Buffer {
  const rows = ndjson.toString('utf8').trimEnd().replaceAll('\n', ',');
  return Buffer.from(`{"users":[${rows}]}`);
}

function makeUser(size: Size, n: number, version: number): Record<string, unknown> {
  const fixed = randomFrom(n);
  const changing = randomFrom(n * 31 + version * 1_000_003);
  const metadata = profile(n, fixed, changing);
  if (size === 'big') Object.assign(metadata, traits(fixed, changing));
  const company = `company-${String(1 + whole(fixed, 500)).padStart(4, '0')}`;
  return { user_id: `user-${String(n).padStart(6, '0')}`, company_id: company, metadata };
}

/** About what a small product knows of a user. */
function profile(n: number, fixed: () => number, changing: () => number): Record<string, Value> {
  const [first, last] = [pick(fixed, FIRST_NAMES), pick(fixed, LAST_NAMES)];
  return {
    name: `${first} ${last}`,
    email: `${first}.${last}.${n}@example.com`
      .toLowerCase()
      .normalize('NFD')
      .replaceAll(/\p{Mn}/gu, ''),
    plan: pick(fixed, PLANS),
    country: pick(fixed, COUNTRIES),
    is_admin: fixed() < 0.1,
    created_at: date(fixed, 2023),
    seats: whole(fixed, 200),
    logins: whole(changing, 5_000),
    mrr: decimal(changing, 900),
    last_seen: date(changing, 2026),
  };
}

/** About what a large one adds: a hundred properties and some free text. */
function traits(fixed: () => number, changing: () => number): Record<string, Value> {
  const all: Record<string, Value> = {};
  for (let k = 1; k <= 30; k++) all[`segment_${k}`] = `${pick(fixed, WORD_LIST)} ${pick(fixed, WORD_LIST)}`;
  for (let k = 1; k <= 25; k++) all[`events_${k}_count`] = whole(fixed, 100_000);
  for (let k = 1; k <= 15; k++) all[`score_${k}`] = decimal(fixed, 100);
  for (let k = 1; k <= 20; k++) all[`uses_feature_${k}`] = fixed() < 0.5;
  for (let k = 1; k <= 10; k++) all[`milestone_${k}_at`] = date(fixed, 2024);
  for (let k = 1; k <= 9; k++) all[`note_${k}`] = sentence(fixed, 24);
  all.health_score = decimal(changing, 100);
  all.last_note = sentence(changing, 24);
  return all;
}

/** Marsaglia's xorshift: small, quick, and the same everywhere. Gives numbers from 0 up to 1. */
function randomFrom(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function pick<T>(random: () => number, list: readonly T[]): T {
  return list[whole(random, list.length)] as T;
}

function whole(random: () => number, below: number): number {
  return Math.floor(random() * below);
}

function decimal(random: () => number, below: number): number {
  return Math.round(random() * below * 100) / 100;
}

function date(random: () => number, year: number): string {
  return new Date(Date.UTC(year, 0, 1) + whole(random, 365 * 86_400) * 1_000).toISOString();
}

function sentence(random: () => number, words: number): string {
  return `${Array.from({ length: words }, () => pick(random, WORD_LIST)).join(' ')}.`;
}
