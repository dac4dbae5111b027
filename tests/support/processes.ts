/** The built product as processes of their own, to be killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = path.resolve(__dirname, '..', '..');

export type ProcessName = 'api' | 'worker' | 'standalone';

export interface Running {
  child: ChildProcess;
  name: ProcessName;
  /** Where an API listens; empty for a worker. */
  url: string;
  /** Everything that it has logged. */
  log: string[];
  /** Sends a signal and waits for the end. Returns the exit code; null = ended by the signal. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

const all = new Set<ChildProcess>();

/**
 * Starts `dist/apps/NAME/main.js` and waits for the line of its log that says it is ready.
 * @throws Error with what it wrote when it ends before
 */
export async function startProcess(name: ProcessName, settings: Record<string, string>): Promise<Running> {
  const child = spawn(process.execPath, [`dist/apps/${name}/main.js`], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, HOST: '127.0.0.1', PORT: '0', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  all.add(child);
  const running: Running = {
    child,
    name,
    url: '',
    log: [],
    async end(signal) {
      all.delete(child);
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const ended = once(child, 'exit');
      child.kill(signal);
      const [code] = (await ended) as [number | null];
      return code;
    },
  };
  await untilReady(running);
  return running;
}

function untilReady(running: Running): Promise<void> {
  const { child, name, log } = running;
  return new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}:\n${log.join('\n')}`)));
    const read = (line: string) => {
      log.push(line);
      if (name === 'worker') {
        if (line.includes('"msg":"working"')) resolve();
        return;
      }
      if (running.url !== '') return;
      running.url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0] ?? '';
      if (running.url !== '') resolve();
    };
    for (const stream of [child.stderr, child.stdout]) {
      if (stream !== null) createInterface({ input: stream }).on('line', read);
    }
  });
}

/** Kills whatever a failed test has left. */
export function killAll(): void {
  for (const child of all) child.kill('SIGKILL');
  all.clear();
}
