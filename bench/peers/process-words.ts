/** The words of a process, for the sentence that says why it failed. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

const LINES_KEPT = 12;
const LONGEST = 300;

/** Reads both outputs to their ends. Returns what gives the last lines so far, as one line. */
export function keepLastLines(child: ChildProcess): () => string {
  const last: string[] = [];
  onLine(child, (line) => {
    last.push(line);
    if (last.length > LINES_KEPT) last.shift();
  });
  return () => last.join(' ').slice(-LONGEST);
}

/** Reads both outputs to their ends. Returns what gives the first lines so far that begin like this, as one line. */
export function keepFirstLines(child: ChildProcess, beginning: RegExp): () => string {
  const first: string[] = [];
  onLine(child, (line) => {
    const rest = line.replace(beginning, '');
    if (rest !== line && first.length < LINES_KEPT) first.push(rest);
  });
  return () => first.join(' ').slice(0, LONGEST);
}

function onLine({ stdout, stderr }: ChildProcess, take: (line: string) => void): void {
  for (const output of [stdout, stderr]) {
    if (output === null) throw new Error('The output is not piped.');
    createInterface(output).on('line', (line) => take(line.trim()));
  }
}
