/**
 * How many status polls one API process answers, next to Express with a constant of the same size (yardsticks/constant):
 * for a job that is running, for a client that knows the job already (304), and for a running job while the same API takes
 * in 47 MB and a worker runs imports unthrottled. The same generator asks all of them, on 50 connections.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, BenchOptions, Figure } from '../bench';
import { measureInTurns, ratio, type Side } from '../compare';
import { finish, submitFile } from '../import';
import { type Load, type LoadFigures, startLoad } from '../load-generator';
import { makeNdjson } from '../make-rows';
import { type Service, startService } from '../service';
import { median } from '../statistics';
import { startYardstick, type Yardstick } from '../yardsticks/yardstick';

const CONNECTIONS = 50;
const MEASURED_MS = 5_000;
const WARM_UP_MS = 3_000;
const LOOK_EVERY_MS = 20;
/** Of the job that is polled while it runs: slow enough to run on, quick enough to change every second. */
const USERS_PER_MINUTE = 1_800;
const ROW = Buffer.from('{"user_id":"user-1","metadata":{"plan":"growth"}}\n');
const PATH = '/v1/background_jobs/';
/** The yardstick is sent as many bytes as the API. */
const NO_KEY = { Authorization: `Token mst_${'x'.repeat(43)}` };

/** Numbers the environments whose jobs are polled. */
let environments = 0;

interface Files {
  small: Buffer;
  big: Buffer;
}

/** What was measured of each side, turn by turn. */
type Loads = Record<'constant' | 'running' | 'known' | 'busy', LoadFigures[]>;

/** A job that one may poll. */
interface PolledJob {
  url: string;
  headers: { Authorization: string };
}

export const polls: Bench = {
  name: 'polls',
  about: `Status polls on ${CONNECTIONS} connections, next to Express 5 answering a constant of the same size.`,
  async run(options) {
    const files: Files = { small: await makeNdjson('small'), big: await makeNdjson('big') };
    const { backend, cpuProfile } = options;
    const service = await startService({ backend, usersPerMinute: 0, cpuProfile });
    try {
      const body = await whileRunning(service, files, readBody);
      const yardstick = await startYardstick('constant', { BODY: body }, cpuProfile);
      try {
        return await compare(service, yardstick, files, options);
      } finally {
        await yardstick.stop();
      }
    } finally {
      await service.stop();
    }
  },
};

async function compare(
  service: Service,
  yardstick: Yardstick,
  files: Files,
  { repetitions, progress }: BenchOptions,
): Promise<Figure[]> {
  const known = await endedJob(service);
  const loads: Loads = { constant: [], running: [], known: [], busy: [] };
  const side = (name: string, kept: LoadFigures[], run: () => Promise<LoadFigures>): Side => ({
    name,
    async run() {
      const figures = await run();
      kept.push(figures);
      return figures.answersPerSecond;
    },
  });
  const constant = (ms: number) => measure(ms, pollsOf({ url: `${yardstick.url}${PATH}x`, headers: NO_KEY }));
  const running = (ms: number) => whileRunning(service, files, (job) => measure(ms, pollsOf(job)));
  progress('warming up');
  await constant(WARM_UP_MS);
  await running(WARM_UP_MS);
  await measure(WARM_UP_MS, known);
  await measureInTurns(
    repetitions,
    [
      side('Express', loads.constant, () => constant(MEASURED_MS)),
      side('status polls', loads.running, () => running(MEASURED_MS)),
      side('304', loads.known, () => measure(MEASURED_MS, known)),
      side('status polls during an upload', loads.busy, () => whileBusy(service, files)),
    ],
    progress,
  );
  return toFigures(loads);
}

function pollsOf({ url, headers }: PolledJob): Load {
  return { url, headers, connections: CONNECTIONS, status: 200 };
}

async function measure(ms: number, load: Load): Promise<LoadFigures> {
  const running = startLoad(load);
  await sleep(ms);
  return running.stop();
}

/** Does something while a throttled import of a fresh environment is in `processing`; then cancels it. */
async function whileRunning<T>(
  service: Service,
  { small }: Files,
  use: (job: PolledJob) => Promise<T>,
): Promise<T> {
  const slug = `polled-${++environments}`;
  const key = await service.addEnvironment(slug);
  await service.database.query('UPDATE environments SET users_per_minute = $1 WHERE slug = $2', [
    USERS_PER_MINUTE,
    slug,
  ]);
  const { jobId } = await submitFile(service.url, key, small);
  const job = { url: `${service.url}${PATH}${jobId}`, headers: { Authorization: `Token ${key}` } };
  await untilProcessing(service, jobId);
  try {
    return await use(job);
  } finally {
    await fetch(`${job.url}/cancel`, { method: 'POST', headers: job.headers });
  }
}

async function untilProcessing({ database }: Service, jobId: string): Promise<void> {
  for (;;) {
    const { rows } = await database.query<{ status: string }>('SELECT status FROM jobs WHERE id = $1', [
      jobId,
    ]);
    const status = rows[0]?.status ?? 'gone';
    if (status === 'processing') return;
    if (status !== 'queued' && status !== 'validating') throw new Error(`Job ${jobId} is ${status}.`);
    await sleep(LOOK_EVERY_MS);
  }
}

async function readBody({ url, headers }: PolledJob): Promise<string> {
  const answer = await fetch(url, { headers });
  if (answer.status !== 200) throw new Error(`A poll was answered ${answer.status}.`);
  return answer.text();
}

/** Polls of a job that has ended, by a client that knows it as it is. */
async function endedJob({ url, database, ...service }: Service): Promise<Load> {
  const key = await service.addEnvironment();
  const { jobId } = await submitFile(url, key, ROW);
  await finish(database, jobId);
  const job = { url: `${url}${PATH}${jobId}`, headers: { Authorization: `Token ${key}` } };
  const etag = (await fetch(job.url, job)).headers.get('etag');
  if (etag === null) throw new Error('A poll was answered without an ETag.');
  return { ...pollsOf(job), headers: { ...job.headers, 'If-None-Match': etag }, status: 304 };
}

/** Polls for as long as an upload of 47 MB takes; imports of 10,000 small rows run one after another meanwhile. */
function whileBusy(service: Service, files: Files): Promise<LoadFigures> {
  return whileRunning(service, files, async (job) => {
    let enough = false;
    const importAgain = async () => {
      while (!enough) {
        const { jobId } = await submitFile(service.url, await service.addEnvironment(), files.small);
        await finish(service.database, jobId);
      }
    };
    const key = await service.addEnvironment();
    const importing = importAgain();
    importing.catch(() => undefined); // awaited below
    const load = startLoad(pollsOf(job));
    const { jobId } = await submitFile(service.url, key, files.big);
    const figures = await load.stop();
    enough = true;
    await importing;
    await finish(service.database, jobId);
    return figures;
  });
}

function toFigures(loads: Loads): Figure[] {
  const samples = (name: keyof Loads, quantity: keyof LoadFigures) =>
    loads[name].map((load) => load[quantity]);
  const rate = (name: keyof Loads) => samples(name, 'answersPerSecond');
  const p99 = (name: keyof Loads) => samples(name, 'p99Ms');
  const atMost = (goalMs: number, name: keyof Loads) => ({
    text: `<= ${goalMs} ms`,
    met: median(p99(name)) <= goalMs,
  });
  return [
    ratio('status polls / Express constant', rate('running'), rate('constant'), { atLeast: 0.6 }),
    ratio('304 answers / Express constant', rate('known'), rate('constant'), { atLeast: 0.7 }),
    { name: 'Express constant', unit: '1/s', samples: rate('constant') },
    { name: 'status polls', unit: '1/s', samples: rate('running') },
    { name: '304 answers', unit: '1/s', samples: rate('known') },
    { name: 'status polls during an upload and imports', unit: '1/s', samples: rate('busy') },
    { name: 'Express constant: 99th percentile', unit: 'ms', samples: p99('constant') },
    {
      name: 'status polls: 99th percentile',
      unit: 'ms',
      samples: p99('running'),
      goal: atMost(20, 'running'),
    },
    {
      name: 'status polls during an upload and imports: 99th percentile',
      unit: 'ms',
      samples: p99('busy'),
      goal: atMost(50, 'busy'),
    },
    {
      name: 'load generator busy at the Express constant',
      unit: '%',
      samples: samples('constant', 'generatorBusy').map((share) => share * 100),
    },
  ];
}
