/** Runs the built command line as a user would. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const MAIN = path.resolve(__dirname, '../../../dist/apps/cli/main.js');

export interface CliRun {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface CliOptions {
  url?: string;
  apiKey?: string;
  /** Home with the configuration and what imports note; a new one when absent. */
  home?: string;
  input?: string | Buffer;
  env?: Record<string, string>;
}

export function makeHome(): string {
  return mkdtempSync(path.join(tmpdir(), 'muster-cli-'));
}

export function startCli(
  words: readonly string[],
  options: CliOptions = {},
): { child: ChildProcess; ended: Promise<CliRun> } {
  const { url, apiKey, home = makeHome(), input, env } = options;
  const child = spawn(process.execPath, [MAIN, ...words], {
    cwd: home,
    env: {
      PATH: process.env.PATH,
      HOME: home,
      ...(url !== undefined && { MUSTER_URL: url }),
      ...(apiKey !== undefined && { MUSTER_API_KEY: apiKey }),
      ...env,
    },
    stdio: 'pipe',
  });
  const written: { out: Buffer[]; err: Buffer[] } = { out: [], err: [] };
  child.stdout.on('data', (chunk: Buffer) => written.out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => written.err.push(chunk));
  child.stdin.on('error', () => undefined); // it may end before it has read all
  child.stdin.end(input);
  const ended = new Promise<CliRun>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) =>
      resolve({
        code,
        stdout: Buffer.concat(written.out).toString('utf8'),
        stderr: Buffer.concat(written.err).toString('utf8'),
      }),
    );
  });
  return { child, ended };
}

export function runCli(words: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  return startCli(words, options).ended;
}

/** Standard output as one JSON value a line. */
export function values(run: CliRun): Record<string, unknown>[] {
  return run.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}
