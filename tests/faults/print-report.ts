/** Prints what the fault runs have noted in a file, one line for each fault and backend. */
import { readFileSync } from 'node:fs';
import type { FaultRun } from '../support/fault-report';

const runs = readFileSync(process.argv[2] ?? '', 'utf8')
  .split('\n')
  .filter(Boolean)
  .map((line) => JSON.parse(line) as FaultRun);

interface Line extends FaultRun {
  runs: number;
}

const lines = new Map<string, Line>();
for (const run of runs) {
  const name = `${run.fault} | ${run.backend}`;
  const line = lines.get(name) ?? {
    ...run,
    runs: 0,
    injections: 0,
    verdict: { lost: 0, duplicated: 0, unexpected: 0, stale: 0 },
    recoveryMs: undefined,
  };
  line.runs++;
  line.injections += run.injections;
  for (const set of ['lost', 'duplicated', 'unexpected', 'stale'] as const)
    line.verdict[set] += run.verdict[set];
  if (run.recoveryMs !== undefined) line.recoveryMs = Math.max(line.recoveryMs ?? 0, run.recoveryMs);
  lines.set(name, line);
}

const seconds = (ms: number | undefined) => (ms === undefined ? '' : `${(ms / 1000).toFixed(1)} s`);
const table = [
  'fault | backend | injected | lost | duplicated | unexpected | stale | longest until work went on',
  '--- | --- | --- | --- | --- | --- | --- | ---',
  ...[...lines].sort().map(([name, { injections, verdict, recoveryMs }]) => {
    const { lost, duplicated, unexpected, stale } = verdict;
    return [name, injections, lost, duplicated, unexpected, stale, seconds(recoveryMs)].join(' | ');
  }),
];
process.stdout.write(`\n${table.map((line) => `| ${line} |`).join('\n')}\n`);
