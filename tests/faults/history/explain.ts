/** Words a violation for whoever has to find its cause: the sentence, and of the history only what is about its user. */

import type { Violation } from './check-history';
import { listWrites } from './check-history';
import type { Call, FinalState } from './history';
import type { Write } from './writes';

/** Violations that are shown, and writes and commits of each. */
const MAX_VIOLATIONS = 10;
const MAX_LINES = 12;

export function explain(violations: readonly Violation[], calls: readonly Call[], state: FinalState): string {
  const startMs = Math.min(...calls.map(({ invokedAt }) => invokedAt));
  const shown = violations.slice(0, MAX_VIOLATIONS).map((violation) => {
    const { environment, id } = violation;
    const head = `${violation.kind} (${environment}${id === undefined ? '' : `, user ${id}`}): ${violation.text}`;
    if (id === undefined) return head;
    const here = <T extends { environment: string }>(all: readonly T[]) =>
      all.filter((one) => one.environment === environment);
    const writes = listWrites(here(calls), { jobs: here(state.jobs) })
      .filter((write) => write.id === id)
      .sort((a, b) => a.start - b.start);
    const commits = here(state.commits).filter((commit) => commit.id === id);
    const stored = here(state.users).find((user) => user.id === id)?.values ?? null;
    return [
      head,
      ...last(writes.map((write) => describe(write, startMs))),
      `  commits: ${commits
        .slice(-MAX_LINES)
        .map(({ w }) => w ?? 'erased')
        .join(', ')}`,
      `  stored: ${JSON.stringify(stored)}`,
    ].join('\n');
  });
  const more = violations.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
}

const last = (lines: readonly string[]): string[] => [
  ...(lines.length > MAX_LINES ? [`  ${lines.length - MAX_LINES} earlier writes`] : []),
  ...lines.slice(-MAX_LINES),
];

function describe({ name, set, others, start, end, isDefinite }: Write, startMs: number): string {
  const time = (ms: number) => (Number.isFinite(ms) ? ((ms - startMs) / 1000).toFixed(3) : 'the end');
  const what = `${JSON.stringify(set)}${others === 'removed' ? ', all else removed' : ''}`;
  return `  ${time(start)} to ${time(end)} s: ${name}: ${what}${isDefinite ? '' : ' (perhaps)'}`;
}
