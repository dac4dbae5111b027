/**
 * Whether many environments get more out of the machine than one does: 20 that import at once, and one alone, both with
 * three workers. An import alone is one slice after another, so worker and PostgreSQL wait for each other; many fill these
 * gaps until the cores are busy. So that the report shows where the limit is, the CPU time of all that take part is read.
 */
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Queryable } from '#store/client';
import type { Bench, Figure } from '../bench';
import { ratio } from '../compare';
import { submitFile } from '../import';
import { makeNdjson, ROWS, SIZES } from '../make-rows';
import { type CpuSeconds, findParties, type Parties, readCpuSeconds } from '../process-cpu';
import { type Service, startService } from '../service';

const ENVIRONMENTS = 20;
const WORKERS = 3;
const GOAL = 2;
/** No core is idle for longer than this leaves: then the machine is the limit. */
const BUSY_PERCENT = 90;
/** Times are those of the jobs; a closer look would only take from what is measured. */
const POLL_MS = 100;

interface Measured {
  rowsPerSecond: number;
  /** From the first POST to the last end. */
  seconds: number;
  cpu: CpuSeconds;
}

export const environments: Bench = {
  name: 'environments',
  about: `${ENVIRONMENTS} environments that import ${SIZES.small} each at once, and one alone; ${WORKERS} workers, unthrottled.`,
  async run({ backend, repetitions, cpuProfile, progress }) {
    const ndjson = await makeNdjson('small');
    const service = await startService({ backend, usersPerMinute: 0, workers: WORKERS, cpuProfile });
    try {
      const parties = await findParties(service);
      await measure(service, parties, ndjson, 1);
      const [one, many]: [Measured[], Measured[]] = [[], []];
      for (let n = 1; n <= repetitions; n++) {
        progress(`repetition ${n} of ${repetitions}`);
        one.push(await measure(service, parties, ndjson, 1));
        many.push(await measure(service, parties, ndjson, ENVIRONMENTS));
      }
      return toFigures(one, many);
    } finally {
      await service.stop();
    }
  },
};

/** Imports the file into so many new environments at once. */
async function measure(service: Service, parties: Parties, ndjson: Buffer, count: number): Promise<Measured> {
  const keys = await Promise.all(Array.from({ length: count }, () => service.addEnvironment()));
  const before = readCpuSeconds(parties);
  const submissions = await Promise.all(keys.map((key) => submitFile(service.url, key, ndjson)));
  const endedAtMs = await lastEnd(
    service.database,
    submissions.map(({ jobId }) => jobId),
  );
  const after = readCpuSeconds(parties);
  const seconds = (endedAtMs - Math.min(...submissions.map(({ postedAtMs }) => postedAtMs))) / 1000;
  const cpu = Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, value - before[name as keyof CpuSeconds]]),
  ) as unknown as CpuSeconds;
  return { rowsPerSecond: (count * ROWS) / seconds, seconds, cpu };
}

/** Waits until all jobs have ended. Returns when the last one did. @throws Error when not every row was created */
async function lastEnd(database: Queryable, jobIds: readonly string[]): Promise<number> {
  for (;;) {
    const { rows } = await database.query<{ unfinished: number; created: number; endedAtMs: number }>(
      `SELECT count(*) FILTER (WHERE ended_at IS NULL)::int AS unfinished, sum(created_rows)::int AS created,
              (extract(epoch FROM max(ended_at)) * 1000)::float8 AS "endedAtMs"
       FROM jobs WHERE id = ANY ($1)`,
      [jobIds],
    );
    const [seen] = rows;
    if (seen?.unfinished === 0) {
      if (seen.created !== jobIds.length * ROWS) throw new Error(`${seen.created} rows were created.`);
      return seen.endedAtMs;
    }
    await sleep(POLL_MS);
  }
}

function toFigures(one: readonly Measured[], many: readonly Measured[]): Figure[] {
  const rate = ({ rowsPerSecond }: Measured) => rowsPerSecond;
  const compared = ratio(
    `${ENVIRONMENTS} environments at once / one alone, rows a second`,
    many.map(rate),
    one.map(rate),
    { atLeast: GOAL },
  );
  const busy = many.map((measured) => percentOfCores(measured, total(measured.cpu)));
  if (compared.goal) {
    compared.goal.text += `, or >= ${BUSY_PERCENT} % of the cores busy`;
    compared.goal.met ||= Math.min(...busy) >= BUSY_PERCENT;
  }
  return [
    { name: 'one environment', unit: 'rows/s', samples: one.map(rate) },
    { name: `${ENVIRONMENTS} environments at once`, unit: 'rows/s', samples: many.map(rate) },
    compared,
    ...cpuFigures('one environment', one),
    ...cpuFigures(`${ENVIRONMENTS} environments`, many),
  ];
}

/** CPU seconds of each party and what share of all cores that is. */
function cpuFigures(who: string, measured: readonly Measured[]): Figure[] {
  const names: (keyof CpuSeconds)[] = ['api', 'workers', 'postgresql', 'bench'];
  const titles = { api: 'API', workers: 'workers', postgresql: 'PostgreSQL', bench: 'the bench as client' };
  const percent = `% of ${os.cpus().length} cores`;
  return [
    ...names.flatMap((name): Figure[] => [
      { name: `${who}: CPU of ${titles[name]}`, unit: 's', samples: measured.map(({ cpu }) => cpu[name]) },
      {
        name: `${who}: CPU of ${titles[name]}`,
        unit: percent,
        samples: measured.map((one) => percentOfCores(one, one.cpu[name])),
      },
    ]),
    {
      name: `${who}: CPU of all`,
      unit: percent,
      samples: measured.map((one) => percentOfCores(one, total(one.cpu))),
    },
  ];
}

function total({ api, workers, postgresql, bench }: CpuSeconds): number {
  return api + workers + postgresql + bench;
}

function percentOfCores({ seconds }: Measured, cpuSeconds: number): number {
  return (100 * cpuSeconds) / (seconds * os.cpus().length);
}
