/**
 * Watches what a shape of data does to everybody else: the memory of the processes, the longest transaction, and how long
 * a neighbour with one small user waits for it.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { peakMb, resetPeak } from '../../bench/process-memory';
import type { Cluster } from './cluster';

export interface Observed {
  apiMb: number;
  workerMb: number;
  /** Of all transactions of the service, in milliseconds. */
  longestTransactionMs: number;
  /** Slowest GET of the neighbour, in milliseconds by curl's clock: this process is busy itself. */
  slowestNeighbourMs: number;
  /** How often the neighbour asked, and how often it was not served. */
  neighbourRequests: number;
  neighbourRefusals: number;
}

/** How often the neighbour asks and the transactions are looked at. */
const EVERY_MS = 100;

const LONGEST = `SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start) * 1000), 0)::float8 AS ms
  FROM pg_stat_activity WHERE application_name LIKE 'muster%' AND state <> 'idle' AND datname = current_database()`;

/**
 * Begins to watch. The function that is returned ends it.
 * @param neighbour key of an environment that has the user `neighbour`
 */
export async function watchLimits(cluster: Cluster, neighbour: string): Promise<() => Promise<Observed>> {
  const pids = [cluster.api(), cluster.worker()].map(({ child }) => child.pid as number);
  for (const pid of pids) resetPeak(pid);
  const observed: Observed = {
    apiMb: 0,
    workerMb: 0,
    longestTransactionMs: 0,
    slowestNeighbourMs: 0,
    neighbourRequests: 0,
    neighbourRefusals: 0,
  };
  let isOver = false;
  const again = async (look: () => Promise<void>) => {
    while (!isOver) {
      await look();
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  };
  const client = await cluster.connect();
  const transactions = again(async () => {
    const { rows } = await client.query<{ ms: number }>(LONGEST);
    observed.longestTransactionMs = Math.max(observed.longestTransactionMs, rows[0]?.ms ?? 0);
  });
  const requests = again(async () => {
    const { status, ms } = await askByCurl(`${cluster.api().url}/v1/users/neighbour`, neighbour);
    if (status !== 200) observed.neighbourRefusals++;
    observed.neighbourRequests++;
    observed.slowestNeighbourMs = Math.max(observed.slowestNeighbourMs, ms);
  });
  const both = Promise.all([transactions, requests]);
  both.catch(() => undefined); // it is awaited at the end
  return async () => {
    isOver = true;
    await both;
    await client.end();
    const [apiMb = 0, workerMb = 0] = pids.map(peakMb);
    return { ...observed, apiMb, workerMb };
  };
}

async function askByCurl(url: string, key: string): Promise<{ status: number; ms: number }> {
  const format = '%{http_code} %{time_total}';
  const words = ['--silent', '--output', '/dev/null', '--write-out', format, '--oauth2-bearer', key, url];
  const { stdout } = await promisify(execFile)('curl', words);
  const [status, seconds] = stdout.split(' ').map(Number);
  return { status: Number(status), ms: Number(seconds) * 1000 };
}
