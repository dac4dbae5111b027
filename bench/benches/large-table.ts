/**
 * What a table of ten million users does to an import, against one that is empty: two services on this machine, alike
 * but for their tables. The users of the large one are of the very environment that imports.
 *
 * insert: new ids spread over the whole range of the stored ones; the yardstick's table has no user. update: stored ids
 * at random; the yardstick's table has just these users, the same rows. Every repetition has other ids, and the
 * yardstick an emptied table and a fresh environment. Both servers have the product's settings: most of the large table
 * is in the memory of the system, not in the buffers of PostgreSQL.
 */
import type { Bench, Figure } from '../bench';
import { measureInTurns, ratio } from '../compare';
import { finish, submitFile } from '../import';
import { makeNdjson, ROWS, SIZES } from '../make-rows';
import { type Service, startService } from '../service';
import { companyIdOf, requireDisk, storeManyUsers, storeUsers, userIdOf } from '../stored-users';

const GOAL = 1.5;
const LARGE_SLUG = 'large';
/** Coprime to ROWS: the order of the file is not that of the ids. */
const STRIDE = 7_919;

interface Operation {
  name: 'insert' | 'update';
  outcome: 'created' | 'updated';
}

const OPERATIONS: readonly Operation[] = [
  { name: 'insert', outcome: 'created' },
  { name: 'update', outcome: 'updated' },
];

export const largeTable: Bench = {
  name: 'large-table',
  about: `Import of ${SIZES.small} into a table of ten million users and an empty one: new ids, random stored ones.`,
  async run({ backend, cpuProfile, repetitions, progress }) {
    const users = readUserCount(repetitions);
    requireDisk(users);
    const options = { backend, usersPerMinute: 0, cpuProfile };
    const large = await startService(options);
    const empty = await startService(options).catch(async (error: unknown) => {
      await large.stop();
      throw error;
    });
    try {
      const key = await large.addEnvironment(LARGE_SLUG);
      const begun = performance.now();
      const gigabytes = await storeManyUsers(large.database, LARGE_SLUG, users, progress);
      const minutes = (performance.now() - begun) / 60_000;
      const rows = (await makeNdjson('small')).toString('utf8').trimEnd().split('\n');
      const figures: Figure[] = [];
      for (const operation of OPERATIONS) {
        const both = { large, empty, key, users, rows, operation };
        figures.push(...(await compare(both, repetitions, progress)));
      }
      const title = users.toLocaleString('en-US');
      figures.push({ name: `users and indexes, ${title} users`, unit: 'GB', samples: [gigabytes] });
      figures.push({ name: `making ${title} users, vacuumed`, unit: 'min', samples: [minutes] });
      return figures;
    } finally {
      await Promise.all([large.stop(), empty.stop()]);
    }
  },
};

/** Ten million, or less for a try; every repetition needs ids of its own. */
function readUserCount(repetitions: number): number {
  const users = Number(process.env.MUSTER_BENCH_LARGE_ROWS ?? 10_000_000);
  const least = ROWS * (repetitions + 1);
  if (Number.isInteger(users) && users >= least && users % ROWS === 0) return users;
  throw new Error(`MUSTER_BENCH_LARGE_ROWS takes a multiple of ${ROWS} from ${least} on.`);
}

interface Both {
  large: Service;
  empty: Service;
  /** Of the large environment. */
  key: string;
  users: number;
  /** Lines of the file, whose ids are exchanged. */
  rows: readonly string[];
  operation: Operation;
}

async function compare(
  both: Both,
  repetitions: number,
  progress: (words: string) => void,
): Promise<Figure[]> {
  const { users, operation } = both;
  // Both sides take the ids of the same turn; the first turn of each is the warm-up.
  const turns = { large: 0, empty: 0 };
  const sides = [
    { name: `${operation.name}, large table`, run: () => importLarge(both, turns.large++) },
    { name: `${operation.name}, empty table`, run: () => importEmpty(both, turns.empty++) },
  ];
  await measureInTurns(1, sides, (words) => progress(`warming up: ${words}`));
  const [large = [], empty = []] = await measureInTurns(repetitions, sides, progress);
  const title = `${operation.name} of ${SIZES.small}`;
  const table = `table of ${users.toLocaleString('en-US')} users`;
  return [
    { name: `${title}: time a row, ${table}`, unit: 'us', samples: large },
    { name: `${title}: time a row, empty table`, unit: 'us', samples: empty },
    ratio(`${title}: ${table} / empty table, time a row`, large, empty, { atMost: GOAL }),
  ];
}

function importLarge({ large, key, ...both }: Both, turn: number): Promise<number> {
  return importRows(large, key, both.operation, makeFile(both.rows, chooseNumbers(both, turn)));
}

/** For an update, the same rows as the large table has are stored before. */
async function importEmpty({ empty, ...both }: Both, turn: number): Promise<number> {
  const numbers = chooseNumbers(both, turn);
  const slug = `empty-${both.operation.name}-${turn}`;
  const key = await empty.addEnvironment(slug);
  await empty.database.query('TRUNCATE users');
  if (both.operation.name === 'update') await storeUsers(empty.database, slug, numbers);
  return importRows(empty, key, both.operation, makeFile(both.rows, numbers));
}

/** Returns the microseconds that a row took, from POST to completed. @throws Error when a row has another outcome */
async function importRows({ url, database }: Service, key: string, { outcome }: Operation, ndjson: Buffer) {
  const { jobId, postedAtMs } = await submitFile(url, key, ndjson);
  const job = await finish(database, jobId);
  if (job[outcome] !== ROWS) throw new Error(`${job[outcome]} rows were ${outcome}.`);
  return ((job.endedAtMs - postedAtMs) * 1000) / ROWS;
}

/** The file with the ids and companies of these users in the place of its own. */
function makeFile(rows: readonly string[], numbers: readonly number[]): Buffer {
  const lines = rows.map((row, index) => {
    const number = numbers[index] ?? 0;
    return row
      .replace(/"user-\d+"/, `"${userIdOf(number)}"`)
      .replace(/"company-\d+"/, `"${companyIdOf(number)}"`);
  });
  return Buffer.from(`${lines.join('\n')}\n`);
}

/**
 * Numbers all over the range, one from each of ROWS parts of it, in no order; others in every turn. Stored users have
 * the even numbers, new ones are odd.
 */
function chooseNumbers({ users, operation }: Pick<Both, 'users' | 'operation'>, turn: number): number[] {
  const part = users / ROWS;
  return Array.from({ length: ROWS }, (_, index) => {
    const which = (index * STRIDE) % ROWS;
    const within = ((Math.imul(which + 1, 0x9e3779b1) >>> 0) + turn) % part;
    const stored = 2 * (which * part + within + 1);
    return operation.name === 'insert' ? stored - 1 : stored;
  });
}
