/** How long an import waits until a worker has it, on both backends of the queue. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, BenchOptions, Figure } from '../bench';
import { finish, submitFile } from '../import';
import { type Backend, startService } from '../service';
import { median, percentile } from '../statistics';

const IMPORTS = 50;
/** Of POST to validating, at the median. */
const GOAL_MS = 50;
const ROW = Buffer.from('{"user_id":"user-1","metadata":{"plan":"growth"}}\n');

export const delivery: Bench = {
  name: 'delivery',
  about: `POST to validating and to completed: ${IMPORTS} imports of one row, one after another, on both backends.`,
  async run(options) {
    const figures: Figure[] = [];
    for (const backend of ['postgresql', 'redis'] as const)
      figures.push(...(await measure(backend, options)));
    return figures;
  },
};

async function measure(backend: Backend, { cpuProfile, progress }: BenchOptions): Promise<Figure[]> {
  progress(`${IMPORTS} imports through ${backend}`);
  const answered: number[] = [];
  const started: number[] = [];
  const ended: number[] = [];
  const service = await startService({ backend, usersPerMinute: 0, cpuProfile });
  try {
    const key = await service.addEnvironment();
    // The first one finds connections and statements that are not there yet.
    for (let n = 0; n <= IMPORTS; n++) {
      const { jobId, postedAtMs, answeredMs } = await submitFile(service.url, key, ROW);
      const job = await finish(service.database, jobId);
      // A worker that polled in step with us would look quicker, or slower, than it is.
      await sleep(50 + ((n * 37) % 100));
      if (n === 0) continue;
      answered.push(answeredMs);
      started.push(job.startedAtMs - postedAtMs);
      ended.push(job.endedAtMs - postedAtMs);
    }
  } finally {
    await service.stop();
  }
  return [
    { name: `POST to 202, ${backend}`, unit: 'ms', samples: answered },
    {
      name: `POST to validating, ${backend}`,
      unit: 'ms',
      samples: started,
      goal: { text: `median <= ${GOAL_MS} ms`, met: median(started) <= GOAL_MS },
    },
    {
      name: `POST to validating, 99th percentile, ${backend}`,
      unit: 'ms',
      samples: [percentile(started, 0.99)],
    },
    { name: `POST to completed, ${backend}`, unit: 'ms', samples: ended },
    {
      name: `POST to completed, 99th percentile, ${backend}`,
      unit: 'ms',
      samples: [percentile(ended, 0.99)],
    },
  ];
}
