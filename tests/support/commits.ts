/** When slices were really committed, by the clock of the test, whatever the clocks of the others say. */
import type { Cluster } from './cluster';

export interface Commit {
  atMs: number;
  rows: number;
}

const WINDOW_MS = 60_000;
/** A commit is heard of some milliseconds later, and not always the same number. */
const JITTER_MS = 100;

/** Listens from now on until it is stopped. */
export async function watchCommits(cluster: Cluster): Promise<{ stop(): Promise<Commit[]> }> {
  const commits: Commit[] = [];
  const client = await cluster.connect();
  client.on('notification', ({ payload }) => {
    const { rows } = JSON.parse(payload ?? '{}') as { rows: number };
    commits.push({ atMs: performance.now(), rows });
  });
  await client.query('LISTEN commits');
  return {
    async stop() {
      await client.end();
      return commits;
    },
  };
}

/** Most rows in any minute. */
export function busiestMinute(commits: readonly Commit[]): number {
  return Math.max(
    0,
    ...commits.map(({ atMs }) =>
      commits
        .filter((other) => other.atMs <= atMs && other.atMs > atMs - WINDOW_MS + JITTER_MS)
        .reduce((sum, { rows }) => sum + rows, 0),
    ),
  );
}
