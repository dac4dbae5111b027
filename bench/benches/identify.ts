/**
 * How many identify calls one API process answers, each after its commit, next to Express with a constant of the same size.
 * Every call is another user, on 50 connections.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, BenchOptions, Figure } from '../bench';
import { measureInTurns, ratio, type Side } from '../compare';
import { type Load, type LoadFigures, startLoad } from '../load-generator';
import { type Service, startService } from '../service';
import { median } from '../statistics';
import { startYardstick, type Yardstick } from '../yardsticks/yardstick';

const CONNECTIONS = 50;
const MEASURED_MS = 5_000;
const WARM_UP_MS = 3_000;
const LEAST_RATIO = 0.5;
const MOST_P99_MS = 50;
const ANSWER = '{"outcome":"created","warnings":[]}';

export const identify: Bench = {
  name: 'identify',
  about: `Identify calls on ${CONNECTIONS} connections, next to Express 5 answering a constant of the same size.`,
  async run(options) {
    const { backend, cpuProfile } = options;
    const settings = { IDENTIFY_PER_MINUTE: '0' };
    const service = await startService({ backend, usersPerMinute: 0, cpuProfile, settings });
    try {
      const yardstick = await startYardstick('constant', { BODY: ANSWER }, cpuProfile);
      try {
        return await compare(service, yardstick, options);
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
  { repetitions, progress }: BenchOptions,
): Promise<Figure[]> {
  const headers = { Authorization: `Token ${await service.addEnvironment()}` };
  const read: Load = {
    url: `${yardstick.url}/v1/background_jobs/x`,
    headers,
    connections: CONNECTIONS,
    status: 200,
  };
  let round = 0;
  const call = (): Load => ({
    url: `${service.url}/v1/identify`,
    headers,
    connections: CONNECTIONS,
    status: 202,
    body: `{"user_id":"live-${round++}-{n}","metadata":{"plan":"growth","seats":12}}`,
  });
  const kept: Record<'constant' | 'calls', LoadFigures[]> = { constant: [], calls: [] };
  const side = (name: string, into: LoadFigures[], load: () => Load): Side => ({
    name,
    async run() {
      const figures = await measure(MEASURED_MS, load());
      into.push(figures);
      return figures.answersPerSecond;
    },
  });
  progress('warming up');
  await measure(WARM_UP_MS, read);
  await measure(WARM_UP_MS, call());
  const sides = [side('Express', kept.constant, () => read), side('identify', kept.calls, call)];
  await measureInTurns(repetitions, sides, progress);
  return toFigures(kept);
}

async function measure(ms: number, load: Load): Promise<LoadFigures> {
  const running = startLoad(load);
  await sleep(ms);
  return running.stop();
}

function toFigures({ constant, calls }: Record<'constant' | 'calls', LoadFigures[]>): Figure[] {
  const perSecond = (side: LoadFigures[]) => side.map(({ answersPerSecond }) => answersPerSecond);
  const p99 = calls.map(({ p99Ms }) => p99Ms);
  const met = median(p99) <= MOST_P99_MS;
  return [
    { name: 'Express answering a constant', unit: 'answers/s', samples: perSecond(constant) },
    { name: 'identify, each after its commit', unit: 'answers/s', samples: perSecond(calls) },
    ratio('identify / Express constant', perSecond(calls), perSecond(constant), { atLeast: LEAST_RATIO }),
    {
      name: 'identify, 99th percentile',
      unit: 'ms',
      samples: p99,
      goal: { text: `<= ${MOST_P99_MS} ms`, met },
    },
  ];
}
