/** A process of the product, started as a user would start it: by its built file, with settings in the environment. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** The build: this file is in dist/bench. */
const BUILD = path.resolve(__dirname, '..');
const READY_WITHIN_MS = 30_000;
/** Longer than the product gives itself to close. */
const STOPPED_WITHIN_MS = 15_000;
const LINES_KEPT = 20;

export interface ProductProcess {
  pid: number;
  /** The line of the log that said it was ready. */
  ready: Record<string, unknown>;
  stop(): Promise<void>;
}

/**
 * Starts `dist/apps/NAME/main.js` and waits for the line of its log that says it is ready.
 * @param message of that line
 * @throws Error with the last lines of the log
 */
export async function startProduct(
  name: 'api' | 'worker',
  message: string,
  settings: Record<string, string>,
  cpuProfile: string | undefined,
): Promise<ProductProcess> {
  const profiling =
    cpuProfile === undefined
      ? []
      : [
          '--cpu-prof',
          `--cpu-prof-dir=${path.resolve(cpuProfile)}`,
          `--cpu-prof-name=${name}-${Date.now()}.cpuprofile`,
        ];
  const child = spawnOwn(process.execPath, [...profiling, path.join(BUILD, 'apps', name, 'main.js')], {
    // Nothing else of the user's environment: a DATABASE_URL of his own must not get here.
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NODE_ENV: 'production', ...settings },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  try {
    const ready = await waitForLine(child, name, message);
    return { pid: child.pid ?? 0, ready, stop: () => stopProcess(child) };
  } catch (error) {
    await stopProcess(child);
    throw error;
  }
}

/**
 * Runs a program in a session of its own, so that the terminal's Ctrl-C reaches only the bench, which stops everything in
 * order. It ends with this process in any case.
 */
export function spawnOwn(program: string, args: string[], options: SpawnOptions): ChildProcess {
  const child = spawn(program, args, { ...options, detached: true });
  const onExit = () => child.kill();
  process.once('exit', onExit);
  child.once('exit', () => process.off('exit', onExit));
  return child;
}

/** Asks a process to end, and ends it when it does not. Repeatable. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOPPED_WITHIN_MS);
  await ended;
  clearTimeout(timer);
}

function waitForLine(child: ChildProcess, name: string, message: string): Promise<Record<string, unknown>> {
  const last: string[] = [];
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`The ${name} ${why}:\n${last.join('\n')}`));
    const timer = setTimeout(fail, READY_WITHIN_MS, 'was not ready in time');
    child.once('error', reject);
    child.once('exit', () => fail('ended'));
    if (child.stderr === null) throw new Error('the log is not piped');
    // Read to the end: a log that nobody reads would stop the process when the pipe is full.
    createInterface(child.stderr).on('line', (line) => {
      last.push(line);
      if (last.length > LINES_KEPT) last.shift();
      const entry = parse(line);
      if (entry.msg === message) {
        clearTimeout(timer);
        resolve(entry);
      }
    });
  });
}

function parse(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return {};
  }
}
