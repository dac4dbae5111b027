/** Checks the histories in a folder anew and says what they hold. Exit code 1 when one has a violation. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { checkHistory } from './check-history';
import { explain } from './explain';
import { readCalls, readState } from './history';

const HISTORY = 'history.ndjson';
const root = process.argv[2] ?? '';
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
  (file) => path.basename(file) === HISTORY,
);
for (const file of files.sort()) {
  const folder = path.join(root, path.dirname(file));
  const calls = readCalls(path.join(folder, HISTORY));
  const stateFile = path.join(folder, 'state.json');
  if (!existsSync(stateFile)) {
    process.stdout.write(
      `${folder}: ${calls.length} calls; the run ended before its final state was known\n`,
    );
    process.exitCode = 1;
    continue;
  }
  const state = readState(stateFile);
  const violations = checkHistory(calls, state);
  const unknown = calls.filter(({ answer }) => answer === 'unknown').length;
  const rows = state.jobs.reduce((sum, { totalRows }) => sum + totalRows, 0);
  const retries = state.jobs.filter(({ parentJobId }) => parentJobId !== null).length;
  const canceled = state.jobs.filter(({ errorCode }) => errorCode === 'canceled').length;
  process.stdout.write(
    `${folder}: ${calls.length} calls, ${unknown} without an answer; ${state.jobs.length} jobs of ${rows} rows, ` +
      `${retries} of them retries, ${canceled} canceled; ${state.commits.length} commits; ${violations.length} violations\n`,
  );
  if (violations.length === 0) continue;
  process.stdout.write(`${explain(violations, calls, state)}\n`);
  process.exitCode = 1;
}
