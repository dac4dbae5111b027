/**
 * What many large uploads at once cost the API: memory above idle, and how long others wait meanwhile. All are of one
 * environment, so one is accepted and the others are refused.
 */
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench';
import { toForm } from '../form';
import { startHealthPoller } from '../health-poller';
import { makeNdjson, SIZES } from '../make-rows';
import { peakMb, resetPeak, residentMb } from '../process-memory';
import { startService } from '../service';
import { percentile } from '../statistics';

const UPLOADS = 100;
const GOAL_MB = 512;
const IDLE_MS = 3_000;

export const parallelUploads: Bench = {
  name: 'parallel-uploads',
  about: `Memory of the API above idle during ${UPLOADS} uploads of ${SIZES.big} at once.`,
  async run({ backend, cpuProfile, progress }) {
    const ndjson = await makeNdjson('big');
    const service = await startService({ backend, usersPerMinute: 0, workers: 0, cpuProfile });
    try {
      const key = await service.addEnvironment();
      await sleep(IDLE_MS);
      resetPeak(service.apiPid);
      const idleMb = residentMb(service.apiPid);
      const poller = startHealthPoller(service.url);
      const begun = performance.now();
      progress(`${UPLOADS} uploads`);
      const statuses = await Promise.all(
        Array.from({ length: UPLOADS }, () => upload(service.url, key, ndjson)),
      );
      const seconds = (performance.now() - begun) / 1000;
      const delays = await poller.stop();
      const aboveIdleMb = peakMb(service.apiPid) - idleMb;
      const count = (status: number) => statuses.filter((one) => one === status).length;
      if (count(202) !== 1 || count(202) + count(409) !== UPLOADS) {
        throw new Error(`Not one 202 and else 409: ${[...new Set(statuses)].join(', ')}.`);
      }
      return [
        {
          name: 'peak above idle',
          unit: 'MB',
          samples: [aboveIdleMb],
          goal: { text: `< ${GOAL_MB} MB`, met: aboveIdleMb < GOAL_MB },
        },
        { name: 'until all were answered, one with 202', unit: 's', samples: [seconds] },
        { name: '/healthz meanwhile, 99th percentile', unit: 'ms', samples: [percentile(delays, 0.99)] },
      ];
    } finally {
      await service.stop();
    }
  },
};

/** Sends the file as fast as the API takes it. Returns the status; a connection that breaks before is 0. */
function upload(url: string, key: string, ndjson: Buffer): Promise<number> {
  const { contentType, body } = toForm('users.ndjson', 'application/x-ndjson', ndjson);
  return new Promise((resolve) => {
    const request = http.request(`${url}/v1/users/bulk_identify`, {
      method: 'POST',
      agent: false,
      headers: {
        Authorization: `Token ${key}`,
        'Content-Type': contentType,
        'Content-Length': body.reduce((sum, piece) => sum + piece.length, 0),
      },
    });
    request.once('error', () => resolve(0));
    request.once('response', (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    for (const piece of body) request.write(piece);
    request.end();
  });
}
