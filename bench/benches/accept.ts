/**
 * What taking an import in costs the API, next to the service that one would write first (yardsticks/receive), which holds
 * the body in memory and stores nothing: time, memory above idle, and how long the event loop is held up. Each repetition
 * has fresh processes that have answered one import of one row, so that their code is loaded but their heap has not grown.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, BenchOptions, Figure } from '../bench';
import { measureInTurns, ratio, type Side } from '../compare';
import { type EventLoopWatch, watchEventLoops } from '../event-loop';
import { toForm } from '../form';
import { makeNdjson, SIZES, toJsonBody } from '../make-rows';
import { peakMb, resetPeak, residentMb } from '../process-memory';
import { sendRequest } from '../send-request';
import { startService } from '../service';
import { median } from '../statistics';
import { startYardstick } from '../yardsticks/yardstick';

const GOAL_BLOCKED_MS = 20;
const IDLE_MS = 3_000;
const ROW = Buffer.from('{"user_id":"user-1","metadata":{"plan":"growth"}}\n');

interface Body {
  name: string;
  wrap(ndjson: Buffer): { contentType: string; body: readonly Buffer[] };
  goals: { time?: number; memory: number; blocked?: number };
}

const BODIES: readonly Body[] = [
  {
    name: 'multipart',
    wrap: (ndjson) => toForm('users.ndjson', 'application/x-ndjson', ndjson),
    goals: { time: 3, memory: 0.25, blocked: 0.15 },
  },
  {
    name: 'JSON',
    wrap: (ndjson) => ({ contentType: 'application/json', body: [toJsonBody(ndjson)] }),
    goals: { memory: 0.25 },
  },
];

/** What one upload of 47 MB cost. */
interface Cost {
  ms: number;
  aboveIdleMb: number;
  blockedMs: number;
  /** The same in the seconds before, without any request: what the machine itself adds. */
  idleBlockedMs: number;
}

export const accept: Bench = {
  name: 'accept',
  about: `POST to 202 of ${SIZES.big}, all rows durable, next to Express with multer in memory or express.json, nothing stored.`,
  async run(options) {
    const ndjson = await makeNdjson('big');
    const loops = watchEventLoops();
    try {
      const figures: Figure[] = [];
      for (const body of BODIES) figures.push(...(await compareBody(body, ndjson, loops, options)));
      return figures;
    } finally {
      loops.close();
    }
  },
};

async function compareBody(
  body: Body,
  ndjson: Buffer,
  loops: EventLoopWatch,
  { repetitions, backend, cpuProfile, progress }: BenchOptions,
): Promise<Figure[]> {
  const [ours, theirs]: [Cost[], Cost[]] = [[], []];
  const side = (name: string, costs: Cost[], start: () => Promise<Target>): Side => ({
    name: `${body.name}, ${name}`,
    async run() {
      const target = await start();
      try {
        const cost = await measure(target, body, ndjson, loops);
        costs.push(cost);
        return cost.ms;
      } finally {
        await target.stop();
      }
    },
  });
  const { settings } = loops;
  const sides = [
    side('Muster', ours, async () => {
      const service = await startService({ backend, usersPerMinute: 0, workers: 0, settings, cpuProfile });
      return { ...service, pid: service.apiPid };
    }),
    side('Express', theirs, async () => ({
      ...(await startYardstick('receive', settings, cpuProfile)),
      addEnvironment: async () => 'none',
    })),
  ];
  await measureInTurns(repetitions, sides, progress);
  return toFigures(body, ours, theirs);
}

/** A process that takes uploads. */
interface Target {
  url: string;
  pid: number;
  /** Returns the key of an environment whose slot is free. */
  addEnvironment(): Promise<string>;
  stop(): Promise<void>;
}

async function measure(target: Target, body: Body, ndjson: Buffer, loops: EventLoopWatch): Promise<Cost> {
  const { url, pid } = target;
  await upload(url, await target.addEnvironment(), body, ROW);
  const key = await target.addEnvironment();
  await loops.longestDelayMs(pid);
  await sleep(IDLE_MS);
  resetPeak(pid);
  const idleMb = residentMb(pid);
  const idleBlockedMs = await loops.longestDelayMs(pid);
  const ms = await upload(url, key, body, ndjson);
  const blockedMs = await loops.longestDelayMs(pid);
  return { ms, aboveIdleMb: peakMb(pid) - idleMb, blockedMs, idleBlockedMs };
}

/** Sends the body as fast as it is taken. Returns the milliseconds until the whole answer is there. */
async function upload(url: string, key: string, { wrap }: Body, ndjson: Buffer): Promise<number> {
  const form = wrap(ndjson);
  const begun = performance.now();
  await sendRequest({
    method: 'POST',
    url: `${url}/v1/users/bulk_identify`,
    authorization: `Token ${key}`,
    ...form,
  });
  return performance.now() - begun;
}

const QUANTITIES = [
  { key: 'time', of: 'ms', name: 'POST to 202', unit: 'ms' },
  { key: 'memory', of: 'aboveIdleMb', name: 'peak above idle', unit: 'MB' },
  { key: 'blocked', of: 'blockedMs', name: 'event loop blocked', unit: 'ms' },
  { key: undefined, of: 'idleBlockedMs', name: 'event loop blocked before, when idle', unit: 'ms' },
] as const;

/** Of each quantity the ratio, when it has a goal, and what either side has. */
function toFigures(body: Body, ours: Cost[], theirs: Cost[]): Figure[] {
  const yardstick = body.name === 'JSON' ? 'express.json' : 'multer in memory';
  return QUANTITIES.flatMap(({ key, of, name, unit }) => {
    const [mine, other] = [ours, theirs].map((costs) => costs.map((cost) => cost[of])) as [
      number[],
      number[],
    ];
    const title = `accept ${body.name} of 47 MB: ${name}`;
    const goal = key && body.goals[key];
    const own: Figure = { name: `${title}, Muster`, unit, samples: mine };
    if (key === 'blocked') {
      own.goal = { text: `<= ${GOAL_BLOCKED_MS} ms`, met: median(mine) <= GOAL_BLOCKED_MS };
    }
    return [
      ...(goal === undefined ? [] : [ratio(`${title} / ${yardstick}`, mine, other, { atMost: goal })]),
      own,
      { name: `${title}, ${yardstick}`, unit, samples: other },
    ];
  });
}
