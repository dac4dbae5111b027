/** The last words of a process, for the sentence that says why it failed. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

const LINES_KEPT = 12;
const LONGEST = 600;

/** Reads both outputs to their ends. Returns what gives the last lines so far, as one line. */
export function keepLastLines({ stdout, stderr }: ChildProcess): () => string {
  const last: string[] = [];
  for (const output of [stdout, stderr]) {
    if (output === null) throw new Error('The output is not piped.');
    createInterface(output).on('line', (line) => {
      last.push(line.trim());
      if (last.length > LINES_KEPT) last.shift();
    });
  }
  return () => last.join(' ').slice(-LONGEST);
}
