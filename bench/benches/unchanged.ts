/**
 * What an import costs that changes nothing: the same 10,000 rows a second time. That no user is written is shown twice:
 * by PostgreSQL's own count of written rows, and by every stored row being the version (xmin) at the place (ctid) that it
 * was before.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Queryable } from '#store/client';
import type { Bench, Figure } from '../bench';
import { ratio } from '../compare';
import { finish, submitFile } from '../import';
import { makeNdjson, ROWS, SIZES, type Size } from '../make-rows';
import { type Service, startService } from '../service';

const GOAL = 0.5;
const POLL_MS = 50;
/** A server process that is idle reports its counts after 10 s. */
const COUNTED_WITHIN_MS = 30_000;

/** What one repetition gives. */
interface Measured {
  firstMs: number;
  secondMs: number;
  writes: number;
  changedVersions: number;
}

export const unchanged: Bench = {
  name: 'unchanged',
  about:
    'The same 10,000 rows imported twice, small and big: time of both, and writes to users by the second.',
  async run({ repetitions, backend, cpuProfile, progress }) {
    const service = await startService({ backend, usersPerMinute: 0, cpuProfile });
    try {
      const figures: Figure[] = [];
      await measure(service, await makeNdjson('small'));
      for (const size of ['small', 'big'] as const satisfies Size[]) {
        const ndjson = await makeNdjson(size);
        const measured: Measured[] = [];
        for (let n = 1; n <= repetitions; n++) {
          progress(`${size}, repetition ${n} of ${repetitions}`);
          measured.push(await measure(service, ndjson));
        }
        figures.push(...toFigures(SIZES[size], measured));
      }
      return figures;
    } finally {
      await service.stop();
    }
  },
};

/** Imports the file twice into a new environment. */
async function measure(service: Service, ndjson: Buffer): Promise<Measured> {
  const { database } = service;
  const slug = `unchanged-${performance.now()}`;
  const key = await service.addEnvironment(slug);
  const begun = await countRows(database);
  const firstMs = await importAll(service, key, ndjson, 'created');
  const before = await counted(
    database,
    (now) => now.results - begun.results >= ROWS && now.writes - begun.writes >= ROWS,
  );
  const versions = await readVersions(database, slug);
  const secondMs = await importAll(service, key, ndjson, 'unchanged');
  // Counts of both tables come together: when the results and the reads of users are all there, so are the writes.
  const after = await counted(
    database,
    (now) => now.results - before.results >= ROWS && now.reads - before.reads >= ROWS,
  );
  const now = await readVersions(database, slug);
  const changedVersions = [...versions].filter(([id, version]) => now.get(id) !== version).length;
  return { firstMs, secondMs, writes: after.writes - before.writes, changedVersions };
}

/** Returns the milliseconds from POST to completed. @throws Error when a row has another outcome */
async function importAll(
  { url, database }: Service,
  key: string,
  ndjson: Buffer,
  outcome: 'created' | 'unchanged',
) {
  const { jobId, postedAtMs } = await submitFile(url, key, ndjson);
  const job = await finish(database, jobId);
  if (job[outcome] !== ROWS) throw new Error(`${job[outcome]} rows were ${outcome}.`);
  return job.endedAtMs - postedAtMs;
}

interface RowCounts {
  /** Rows of users inserted, updated (in place or not) and deleted. */
  writes: number;
  /** Rows of users that scans have fetched. */
  reads: number;
  /** Rows of row_results inserted. */
  results: number;
}

/** As the server has counted until now; its processes report with a delay. */
async function countRows(database: Queryable): Promise<RowCounts> {
  const { rows } = await database.query<RowCounts>(
    `SELECT (u.n_tup_ins + u.n_tup_upd + u.n_tup_del)::float8 AS writes,
            (u.seq_tup_read + u.idx_tup_fetch)::float8 AS reads, r.n_tup_ins::float8 AS results
     FROM pg_stat_user_tables u, pg_stat_user_tables r WHERE u.relname = 'users' AND r.relname = 'row_results'`,
  );
  const [counts] = rows;
  if (counts === undefined) throw new Error('The server counts no rows.');
  return counts;
}

/** Waits until the counts are as complete as the condition says. */
async function counted(database: Queryable, isComplete: (counts: RowCounts) => boolean): Promise<RowCounts> {
  for (const begun = performance.now(); ; await sleep(POLL_MS)) {
    const counts = await countRows(database);
    if (isComplete(counts)) return counts;
    if (performance.now() - begun > COUNTED_WITHIN_MS)
      throw new Error('The server has not counted all rows in time.');
  }
}

/** The version and place of each user of the environment, by id. */
async function readVersions(database: Queryable, slug: string): Promise<Map<string, string>> {
  const { rows } = await database.query<{ id: string; version: string }>(
    `SELECT user_id AS id, u.xmin || ' ' || u.ctid AS version
     FROM users u JOIN environments e ON e.id = u.environment_id WHERE e.slug = $1`,
    [slug],
  );
  if (rows.length !== ROWS) throw new Error(`${rows.length} users are stored.`);
  return new Map(rows.map(({ id, version }) => [id, version]));
}

function toFigures(size: string, measured: readonly Measured[]): Figure[] {
  const of = (quantity: keyof Measured) => measured.map((one) => one[quantity]);
  const none = (name: string, samples: number[]): Figure => {
    return { name, unit: 'rows', samples, goal: { text: '= 0', met: samples.every((count) => count === 0) } };
  };
  return [
    { name: `first import, ${size}`, unit: 'ms', samples: of('firstMs') },
    { name: `second import, ${size}`, unit: 'ms', samples: of('secondMs') },
    ratio(`second import / first, ${size}`, of('secondMs'), of('firstMs'), { atMost: GOAL }),
    none(`writes to users by the second, ${size}`, of('writes')),
    none(`users of another version after the second, ${size}`, of('changedVersions')),
  ];
}
