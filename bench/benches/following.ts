/** A thousand clients that wait for the same job on one API process: what that costs, and how soon all are told. */
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Figure } from '../bench';
import { submitFile } from '../import';
import { makeNdjson } from '../make-rows';
import { residentMb } from '../process-memory';
import { type Service, startService } from '../service';

const CLIENTS = 1_000;
const GOAL_MS = 1_000;
const WATCHED_MS = 5_000;

export const following: Bench = {
  name: 'following',
  about: `${CLIENTS} long polls for one job on one API: transactions of the database meanwhile, memory, time until all are told.`,
  async run({ backend, cpuProfile, repetitions, progress }) {
    const figures: Record<string, Figure> = {
      quiet: { name: 'transactions a second with nobody waiting', unit: '1/s', samples: [] },
      busy: { name: `transactions a second with ${CLIENTS} waiting`, unit: '1/s', samples: [] },
      memory: { name: `memory of the API for ${CLIENTS} waiting clients`, unit: 'MB', samples: [] },
      told: { name: 'cancel until the last one is told', unit: 'ms', samples: [] },
    };
    const ndjson = await makeNdjson('small');
    // No worker: nothing but the waiting is measured.
    const service = await startService({ backend, usersPerMinute: 1_800, workers: 0, cpuProfile });
    try {
      for (let n = 1; n <= repetitions; n++) {
        progress(`repetition ${n} of ${repetitions}`);
        const key = await service.addEnvironment();
        const { jobId } = await submitFile(service.url, key, ndjson);
        figures.quiet?.samples.push(await transactions(service));
        const idle = residentMb(service.apiPid);
        const waiting = Array.from({ length: CLIENTS }, () => poll(service.url, key, jobId));
        await sleep(2_000);
        figures.busy?.samples.push(await transactions(service));
        figures.memory?.samples.push(residentMb(service.apiPid) - idle);
        const begun = performance.now();
        const cancel = await fetch(`${service.url}/v1/background_jobs/${jobId}/cancel`, {
          method: 'POST',
          headers: { Authorization: `Token ${key}` },
        });
        if (cancel.status !== 202) throw new Error(`cancel answered ${cancel.status}`);
        const answers = await Promise.all(waiting);
        figures.told?.samples.push(performance.now() - begun);
        if (answers.some((status) => status !== 200)) throw new Error('a long poll failed');
      }
    } finally {
      await service.stop();
    }
    const { told } = figures;
    if (told) told.goal = { text: `< ${GOAL_MS} ms`, met: Math.max(...told.samples) < GOAL_MS };
    return Object.values(figures);
  },
};

/** A long poll. Returns the status of its answer. */
function poll(url: string, key: string, jobId: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { Authorization: `Token ${key}` };
    http
      .get(`${url}/v1/background_jobs/${jobId}?wait=60`, { headers, agent: false }, (answer) => {
        answer.resume().once('end', () => resolve(answer.statusCode));
      })
      .once('error', reject);
  });
}

/** Transactions a second over some seconds, ours aside. */
async function transactions({ database }: Service): Promise<number> {
  const read = async () => {
    const { rows } = await database.query<{ n: string }>(
      'SELECT xact_commit + xact_rollback AS n FROM pg_stat_database WHERE datname = current_database()',
    );
    return Number(rows[0]?.n);
  };
  const before = await read();
  await sleep(WATCHED_MS);
  return Math.max(0, (await read()) - before - 1) / (WATCHED_MS / 1_000);
}
