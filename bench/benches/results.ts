/** Reading the results of a large import: speed, and memory of the API above idle, also for a client that reads slowly. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Figure } from '../bench';
import { finish, submitFile } from '../import';
import { makeNdjson, SIZES } from '../make-rows';
import { peakMb, resetPeak, residentMb } from '../process-memory';
import { type Service, startService } from '../service';

const GOAL_MB = 32;
const IDLE_MS = 3_000;
/** The slow client takes a break after each piece it has read. */
const BREAK_MS = 2;

const VIEWS = [
  { name: 'results as NDJSON', query: '', accept: 'application/x-ndjson', breakMs: 0 },
  { name: 'results as CSV', query: '', accept: 'text/csv', breakMs: 0 },
  { name: 'rows as sent', query: '?as=input', accept: '*/*', breakMs: 0 },
  { name: 'rows as sent, slow client', query: '?as=input', accept: '*/*', breakMs: BREAK_MS },
];

export const results: Bench = {
  name: 'results',
  about: `Reading the results, and the rows, of an import of ${SIZES.big}: time, and memory of the API above idle.`,
  async run({ backend, cpuProfile, repetitions, progress }) {
    const service = await startService({ backend, usersPerMinute: 0, cpuProfile });
    try {
      const key = await service.addEnvironment();
      const { jobId } = await submitFile(service.url, key, await makeNdjson('big'));
      await finish(service.database, jobId);
      const figures: Figure[] = [];
      for (const view of VIEWS) {
        progress(view.name);
        const ms: Figure = { name: `${view.name}: time`, unit: 'ms', samples: [] };
        const mb: Figure = { name: `${view.name}: peak above idle`, unit: 'MB', samples: [] };
        for (let n = 0; n < repetitions; n++) {
          await sleep(IDLE_MS);
          const idle = residentMb(service.apiPid);
          resetPeak(service.apiPid);
          ms.samples.push(await read(service, key, jobId, view));
          mb.samples.push(peakMb(service.apiPid) - idle);
        }
        mb.goal = { text: `< ${GOAL_MB} MB`, met: Math.max(...mb.samples) < GOAL_MB };
        figures.push(ms, mb);
      }
      return figures;
    } finally {
      await service.stop();
    }
  },
};

/** Reads a view to its end. Returns the milliseconds it took. */
async function read(
  { url }: Service,
  key: string,
  jobId: string,
  { query, accept, breakMs }: (typeof VIEWS)[number],
): Promise<number> {
  const begun = performance.now();
  const answer = await fetch(`${url}/v1/background_jobs/${jobId}/results${query}`, {
    headers: { Authorization: `Token ${key}`, Accept: accept },
  });
  let bytes = 0;
  for await (const piece of answer.body ?? []) {
    bytes += piece.length;
    if (breakMs > 0) await sleep(breakMs);
  }
  if (answer.status !== 200 || bytes < 100_000) throw new Error(`${answer.status}, ${bytes} bytes.`);
  return performance.now() - begun;
}
