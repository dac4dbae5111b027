/** How many rows were committed within any minute. Pure; commits in order of time, times in milliseconds. */

export interface Commit {
  atMs: number;
  rows: number;
}

/** Most rows in any window `[t, t + windowMs)`: a window that has the most can be moved until it begins with a commit. */
export function mostInWindow(commits: readonly Commit[], windowMs: number): number {
  return Math.max(
    ...commits.map(({ atMs }) => sum(commits, (other) => other >= atMs && other < atMs + windowMs)),
  );
}

/**
 * Fewest rows in any window that begins with a commit and ends before the last one.
 * Undefined when the commits span less than a window.
 */
export function fewestFromCommit(commits: readonly Commit[], windowMs: number): number | undefined {
  return fewest(commits, windowMs, (atMs) => (other) => other >= atMs && other < atMs + windowMs);
}

/**
 * Fewest rows in any window at all, wherever it begins: the worst one begins just after a commit. Rows come in slices,
 * so even a perfect pace has windows that are one slice short.
 */
export function fewestInWindow(commits: readonly Commit[], windowMs: number): number | undefined {
  return fewest(commits, windowMs, (atMs) => (other) => other > atMs && other <= atMs + windowMs);
}

function fewest(
  commits: readonly Commit[],
  windowMs: number,
  within: (atMs: number) => (other: number) => boolean,
): number | undefined {
  const last = commits.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY;
  const counts = commits
    .filter(({ atMs }) => atMs + windowMs <= last)
    .map(({ atMs }) => sum(commits, within(atMs)));
  return counts.length === 0 ? undefined : Math.min(...counts);
}

function sum(commits: readonly Commit[], counts: (atMs: number) => boolean): number {
  return commits.reduce((rows, commit) => rows + (counts(commit.atMs) ? commit.rows : 0), 0);
}
