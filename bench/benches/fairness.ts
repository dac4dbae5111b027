/**
 * Whether a throttled import keeps its rate on one worker while others want all of it: a neighbour with 40 dry runs of
 * 10,000 rows, sent again whenever they are refused, and 40 environments that import unthrottled.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Queryable } from '#store/client';
import type { Bench, Figure } from '../bench';
import { submitFile } from '../import';
import { makeNdjson } from '../make-rows';
import { readCommits } from '../read-commits';
import { type Service, startService } from '../service';
import { type Commit, mostInWindow } from '../windows';

const LIMIT = 1_800;
const WINDOW_MS = 60_000;
/** Long enough that a loss of one slice in a hundred is seen. */
const MEASURED_MS = 120_000;
const LEAST = 0.99;
const OTHERS = 40;
const POLL_MS = 100;
/** Before a refused request is sent again: it is the worker that is to be busy, not the API. */
const REFUSED_MS = 500;

export const fairness: Bench = {
  name: 'fairness',
  about: `A throttled import beside ${OTHERS} dry runs of one environment, and beside ${OTHERS} unthrottled imports of as many; one worker.`,
  async run({ backend, cpuProfile, progress }) {
    const service = await startService({
      backend,
      cpuProfile,
      postgresSettings: { track_commit_timestamp: 'on' },
    });
    try {
      const ndjson = await makeNdjson('small');
      const beside = async (what: string, keepBusy: (signal: AbortSignal) => Promise<unknown>) => {
        progress(what);
        return measure(service, ndjson, what, keepBusy);
      };
      return [
        ...(await beside('alone', async () => undefined)),
        ...(await beside(`beside ${OTHERS} dry runs`, (signal) => sendDryRuns(service, ndjson, signal))),
        ...(await beside(`beside ${OTHERS} unthrottled imports`, (signal) =>
          sendUnthrottled(service, ndjson, signal),
        )),
      ];
    } finally {
      await service.stop();
    }
  },
};

/** So that the next part begins with nothing to do. */
const END_ALL = `UPDATE jobs SET ended_at = clock_timestamp(), status = 'canceled', holds_slot = false, dry_run_slot = NULL,
  revision = revision + 1 WHERE ended_at IS NULL`;

async function measure(
  service: Service,
  ndjson: Buffer,
  what: string,
  keepBusy: (signal: AbortSignal) => Promise<unknown>,
): Promise<Figure[]> {
  const stop = new AbortController();
  const busy = keepBusy(stop.signal);
  const { jobId } = await submitFile(service.url, await service.addEnvironment(), ndjson);
  await untilFirstRow(service.database, jobId);
  await sleep(MEASURED_MS);
  stop.abort();
  await busy;
  const commits = await readCommits(service.database, jobId);
  await service.database.query(END_ALL);
  return figures(what, commits);
}

async function untilFirstRow(database: Queryable, jobId: string): Promise<void> {
  for (;;) {
    const { rows } = await database.query('SELECT FROM jobs WHERE id = $1 AND created_rows > 0', [jobId]);
    if (rows.length > 0) return;
    await sleep(POLL_MS);
  }
}

/** One environment with as many dry runs as it may have, each replaced when it has ended. */
async function sendDryRuns(service: Service, ndjson: Buffer, signal: AbortSignal): Promise<void> {
  const key = await service.addEnvironment();
  const send = async () => {
    while (!signal.aborted) {
      const answer = await post(service.url, key, ndjson, '?dry_run=true');
      if (answer !== 202) await sleep(REFUSED_MS);
    }
  };
  await Promise.all(Array.from({ length: OTHERS }, send));
}

/** Environments without a throttle; each imports again when its import has ended. */
async function sendUnthrottled(service: Service, ndjson: Buffer, signal: AbortSignal): Promise<void> {
  const send = async (slug: string) => {
    const key = await service.addEnvironment(slug);
    await service.database.query('UPDATE environments SET users_per_minute = 0 WHERE slug = $1', [slug]);
    while (!signal.aborted) {
      const answer = await post(service.url, key, ndjson);
      if (answer !== 202) await sleep(REFUSED_MS);
    }
  };
  await Promise.all(Array.from({ length: OTHERS }, (_, n) => send(`unthrottled-${n}`)));
}

async function post(url: string, key: string, body: Buffer, query = ''): Promise<number> {
  const answer = await fetch(`${url}/v1/users/bulk_identify${query}`, {
    method: 'POST',
    headers: { Authorization: `Token ${key}`, 'Content-Type': 'application/x-ndjson' },
    body: new Uint8Array(body),
  });
  await answer.text();
  return answer.status;
}

function figures(what: string, commits: readonly Commit[]): Figure[] {
  const firstMs = commits[0]?.atMs ?? 0;
  const lastMs = commits.at(-1)?.atMs ?? 0;
  const rows = commits.slice(0, -1).reduce((sum, commit) => sum + commit.rows, 0);
  const rate = (rows / (lastMs - firstMs)) * WINDOW_MS;
  const gaps = commits.slice(1).map(({ atMs }, n) => atMs - (commits[n]?.atMs ?? 0));
  const most = mostInWindow(commits, WINDOW_MS);
  return [
    {
      name: `rows a minute ${what}`,
      unit: 'rows',
      samples: [rate],
      goal: { text: `>= ${LEAST * LIMIT}`, met: rate >= LEAST * LIMIT },
    },
    {
      name: `most rows in any 60 s ${what}`,
      unit: 'rows',
      samples: [most],
      goal: { text: `<= ${LIMIT}`, met: most <= LIMIT },
    },
    { name: `longest time between two slices ${what}`, unit: 'ms', samples: [Math.max(...gaps)] },
  ];
}
