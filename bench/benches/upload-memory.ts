/**
 * What a large upload costs the API: memory above idle, and how long others wait meanwhile. Each repetition has an API
 * process of its own that has answered one import of one row, so that its code is loaded but its heap has not grown.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, BenchOptions, Figure } from '../bench';
import { startHealthPoller } from '../health-poller';
import { type Submission, submitFile, submitJson } from '../import';
import { makeNdjson, SIZES, toJsonBody } from '../make-rows';
import { peakMb, resetPeak, residentMb } from '../process-memory';
import { type Service, startService } from '../service';
import { percentile } from '../statistics';

const GOAL_MB = 64;
const IDLE_MS = 3_000;
const ROW = Buffer.from('{"user_id":"user-1","metadata":{"plan":"growth"}}\n');

interface Body {
  name: string;
  bytes: Buffer;
  warmUp: Buffer;
  submit(url: string, key: string, bytes: Buffer): Promise<Submission>;
}

export const uploadMemory: Bench = {
  name: 'upload-memory',
  about: `Memory of the API above idle, and delay of /healthz, during an upload of ${SIZES.big}.`,
  async run(options) {
    const ndjson = await makeNdjson('big');
    const bodies: Body[] = [
      { name: 'multipart', bytes: ndjson, warmUp: ROW, submit: submitFile },
      { name: 'JSON', bytes: toJsonBody(ndjson), warmUp: toJsonBody(ROW), submit: submitJson },
    ];
    const figures: Figure[] = [];
    for (const body of bodies) figures.push(...(await measureBody(body, options)));
    return figures;
  },
};

async function measureBody(body: Body, options: BenchOptions): Promise<Figure[]> {
  const { backend, cpuProfile, repetitions, progress } = options;
  const figures = new Map<string, Figure>();
  for (let n = 1; n <= repetitions; n++) {
    progress(`${body.name}, repetition ${n} of ${repetitions}`);
    const service = await startService({ backend, usersPerMinute: 0, workers: 0, cpuProfile });
    try {
      for (const [name, unit, value] of await measureOnce(service, body)) {
        const title = `${body.name} of ${(body.bytes.length / 1024 ** 2).toFixed(1)} MB: ${name}`;
        const figure = figures.get(title) ?? { name: title, unit, samples: [] };
        figure.samples.push(value);
        figures.set(title, figure);
      }
    } finally {
      await service.stop();
    }
  }
  for (const figure of figures.values()) {
    if (!figure.name.includes('above idle')) continue;
    figure.goal = { text: `< ${GOAL_MB} MB`, met: Math.max(...figure.samples) < GOAL_MB };
  }
  return [...figures.values()];
}

async function measureOnce(
  service: Service,
  body: Body,
): Promise<[name: string, unit: string, value: number][]> {
  await body.submit(service.url, await service.addEnvironment(), body.warmUp);
  const first = await measureUpload(service, body, true);
  // Once more in the same process, without a second client: what an upload leaves behind must not add up.
  const second = await measureUpload(service, body, false);
  const idleAfterMb = await idleMb(service);
  // Last, because its many requests would grow the heap that everything is compared with.
  const quiet = startHealthPoller(service.url);
  await sleep(IDLE_MS);
  const quietDelays = await quiet.stop();
  return [
    ['memory when idle', 'MB', first.idleMb],
    ['peak above idle', 'MB', first.aboveIdleMb],
    ['peak above idle, second upload', 'MB', second.aboveIdleMb],
    ['memory when idle after both', 'MB', idleAfterMb],
    ['POST to 202', 'ms', second.answeredMs],
    ['/healthz meanwhile, 99th percentile', 'ms', percentile(first.delays, 0.99)],
    ['/healthz meanwhile, longest', 'ms', Math.max(...first.delays)],
    ['/healthz when idle, 99th percentile', 'ms', percentile(quietDelays, 0.99)],
    ['/healthz when idle, longest', 'ms', Math.max(...quietDelays)],
  ];
}

async function measureUpload({ url, apiPid, ...service }: Service, body: Body, polled: boolean) {
  const key = await service.addEnvironment();
  await sleep(IDLE_MS);
  resetPeak(apiPid);
  const idle = residentMb(apiPid);
  const poller = polled ? startHealthPoller(url) : undefined;
  const { answeredMs } = await body.submit(url, key, body.bytes);
  const delays = (await poller?.stop()) ?? [];
  return { idleMb: idle, aboveIdleMb: peakMb(apiPid) - idle, answeredMs, delays };
}

async function idleMb({ apiPid }: Service): Promise<number> {
  await sleep(IDLE_MS);
  return residentMb(apiPid);
}
