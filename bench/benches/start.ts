/** How long the standalone service takes from its start to /readyz 200, on an empty data folder and on one that is in use. */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '#apps/standalone/free-port';
import type { Bench, Figure } from '../bench';
import { spawnOwn, stopProcess } from '../child-process';
import { median } from '../statistics';

/** This file is in dist/bench/benches. */
const MAIN = path.resolve(__dirname, '..', '..', 'apps', 'standalone', 'main.js');
const GOAL_MS = 3_000;
const READY_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 5;

export const start: Bench = {
  name: 'start',
  about: 'Start of the standalone service (embedded PostgreSQL, API and worker) until /readyz is 200.',
  async run({ repetitions, progress }) {
    const cold: Figure = { name: 'start on an empty data folder', unit: 'ms', samples: [] };
    const warm: Figure = { name: 'start on a data folder in use', unit: 'ms', samples: [] };
    for (let n = 1; n <= repetitions; n++) {
      progress(`repetition ${n} of ${repetitions}`);
      const folder = mkdtempSync(path.join(tmpdir(), 'muster-start-'));
      try {
        cold.samples.push(await startAndStop(folder));
        warm.samples.push(await startAndStop(folder));
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
    warm.goal = { text: `<= ${GOAL_MS} ms`, met: median(warm.samples) <= GOAL_MS };
    return [warm, cold];
  },
};

/** Returns the milliseconds until it was ready. @throws Error when it ends or is not ready in time */
async function startAndStop(dataDir: string): Promise<number> {
  const port = await freePort();
  const begun = performance.now();
  const child = spawnOwn(process.execPath, [MAIN], {
    // As `npm start` with nothing set, but for the port and the folder.
    env: { PATH: process.env.PATH, HOME: process.env.HOME, DATA_DIR: dataDir, PORT: String(port) },
    stdio: 'ignore',
  });
  try {
    await untilReady(child, `http://127.0.0.1:${port}/readyz`, begun);
    return performance.now() - begun;
  } finally {
    await stopProcess(child);
  }
}

async function untilReady(child: ChildProcess, url: string, begun: number): Promise<void> {
  while ((await statusOf(url)) !== 200) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error('The standalone service ended.');
    if (performance.now() - begun > READY_WITHIN_MS)
      throw new Error('The standalone service was not ready in time.');
    await sleep(LOOK_EVERY_MS);
  }
}

/** Undefined while nobody listens. */
function statusOf(url: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    http
      .get(url, { agent: false }, (answer) => {
        answer.resume().once('close', () => resolve(answer.statusCode));
      })
      .once('error', () => resolve(undefined));
  });
}
