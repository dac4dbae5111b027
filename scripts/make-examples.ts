/**
 * Writes examples/users.ndjson (500 users) and examples/users.json (the first 20 of them).
 * Deterministic: the same code writes the same bytes, on any machine and day.
 */
import fs from 'node:fs';
import path from 'node:path';

const USERS = 500;
const USERS_OF_THE_JSON_FILE = 20;
const SEED = 20_260_131;
/** Every date is counted back from here, never from today. */
const NEWEST_SIGN_UP = Date.UTC(2026, 0, 31);

const list = (text: string): string[] => text.trim().split(/,\s+/);

const GIVEN_NAMES = list(`
  Aaliyah, Aiko, Amélie, Ananya, Anders, Björn, Camila, Chidi, Chloé, Daniel, Dmitri, Elif, Emma, Farah,
  Fatima, Gabriel, Giulia, Hana, Hugo, Ingrid, Ivan, Jamal, João, Kenji, Kofi, Lars, Leila, Linh, Lucía,
  Magnus, Maria, Mateusz, Mehmet, Mei, Minh, Ngozi, Noah, Olga, Omar, Paweł, Priya, Rafael, Ravi, Rosa,
  Sakura, Samuel, Seán, Sofia, Søren, Tamar, Thandiwe, Tomás, Yara, Yusuf, Zoë, Zsófia, Łukasz, Åsa,
  Élodie, Øystein, 美咲, 伟, 지우, Дарья, Νίκος`);
const FAMILY_NAMES = list(`
  Abebe, Adeyemi, Andersson, Bauer, Bianchi, Chen, Cohen, Costa, D'Angelo, Diallo, Dubois, Fernández,
  García, Haddad, Hansen, Horvat, Ibrahim, Ito, Jensen, Jovanović, Kaya, Khan, Kim, Kowalski, Kumar,
  Lindqvist, Mbeki, Moreau, Müller, Murphy, Nagy, Nguyễn, Novák, Okafor, O’Brien, Papadopoulos, Park,
  Patel, Petrova, Popescu, Rossi, Santos, Sato, Schmidt, Sharma, Silva, Smith, Suzuki, Şahin, Tanaka,
  Torres, Tran, van Dijk, Wang, Weiß, Yamamoto, Yılmaz, Zhang, Zhou, Östlund`);
const JOB_TITLES = list(`
  Account Executive, Chief of Staff, Customer Success Manager, Data Analyst, Engineering Manager,
  Finance Lead, Founder, Growth Manager, Head of Operations, HR Business Partner, Marketing Director,
  Product Designer, Product Manager, Software Engineer, Solutions Architect, Support Specialist, VP Sales`);
const COUNTRIES = list(`
  AU, BR, CA, DE, DK, ES, FR, GB, GR, HU, IE, IN, IT, JP, KE, KR, MX, NG, NL, NO, PL, PT, SE, SG, TR, US,
  VN, ZA`);
const COMPANIES = 60;
/** Name, price of a seat in cents a month, and the most seats that are sold of it. */
const PLANS = [
  ['free', 0, 3],
  ['starter', 900, 10],
  ['growth', 2_450, 60],
  ['enterprise', 4_175, 400],
] as const;

/** mulberry32: 32 bits of state, good enough to look varied. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = randomNumbers(SEED);
const below = (limit: number): number => Math.floor(random() * limit);

function pick<T>(list: readonly T[]): T {
  const picked = list[below(list.length)];
  if (picked === undefined) throw new Error('Nothing to pick from.');
  return picked;
}

/** The local part of an address: ASCII letters where the name has Latin ones, else nothing. */
function asciiOf(name: string): string {
  const plain = name.replace(/ł/gi, 'l').replace(/ø/gi, 'o').replace(/ß/g, 'ss').replace(/ı/g, 'i');
  return plain
    .normalize('NFD')
    .replace(/[^a-zA-Z]/g, '')
    .toLowerCase();
}

function makeUser(number: number): Record<string, unknown> {
  const id = String(number).padStart(4, '0');
  const [given, family] = [pick(GIVEN_NAMES), pick(FAMILY_NAMES)];
  const [plan, centsASeat, mostSeats] = pick(PLANS);
  const seats = 1 + below(mostSeats);
  const signedUp = NEWEST_SIGN_UP - below(3 * 365 * 24 * 3600) * 1000;
  const lastSeen = signedUp + Math.floor(random() * (NEWEST_SIGN_UP - signedUp));
  const metadata = {
    name: `${given} ${family}`,
    email: `${[asciiOf(given), asciiOf(family), id].filter(Boolean).join('.')}@example.com`,
    job_title: pick(JOB_TITLES),
    country: pick(COUNTRIES),
    plan,
    seats,
    mrr: (seats * centsASeat) / 100,
    signed_up: new Date(signedUp).toISOString(),
    last_seen: random() < 0.1 ? null : new Date(lastSeen - (lastSeen % 1000)).toISOString(),
    active: random() < 0.8,
    onboarding_score: below(1001) / 10,
  };
  // Every twelfth or so belongs to no company.
  const company =
    random() < 0.92 ? { company_id: `company_${String(1 + below(COMPANIES)).padStart(3, '0')}` } : {};
  return { user_id: `user_${id}`, ...company, metadata };
}

const users = Array.from({ length: USERS }, (_, index) => makeUser(index + 1));
const folder = path.resolve(__dirname, '../examples');
fs.mkdirSync(folder, { recursive: true });
const lines = users.map((user) => `${JSON.stringify(user)}\n`);
fs.writeFileSync(path.join(folder, 'users.ndjson'), lines.join(''));
const few = { users: users.slice(0, USERS_OF_THE_JSON_FILE) };
fs.writeFileSync(path.join(folder, 'users.json'), `${JSON.stringify(few, null, 2)}\n`);
process.stdout.write(
  `Wrote ${USERS} users to examples/users.ndjson, ${USERS_OF_THE_JSON_FILE} to examples/users.json.\n`,
);
