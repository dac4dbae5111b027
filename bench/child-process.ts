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
/** As pino numbers them. */
const WARN = 40;
const ERROR = 50;
const FATAL = 60;

export interface ProductOptions {
  name: 'api' | 'worker';
  /** Tells it from its like: 1, 2, ... */
  number: number;
  /** The line of its log that says it is ready. */
  readyMessage: string;
  settings: Record<string, string>;
  /** Folder for a CPU profile; undefined = none is taken. */
  cpuProfile: string | undefined;
  /** Is given every line of its log. */
  onLogLine?: ((line: string) => void) | undefined;
}

/** Something that a process should not have had to say or do. */
export interface Trouble {
  /** Such as `worker 2`. */
  process: string;
  level: number;
  message: string;
}

/** Warnings tell of what mends itself, such as a delivery that the rescue makes up for. */
export function isError({ level }: Trouble): boolean {
  return level >= ERROR;
}

export interface ProductProcess {
  pid: number;
  /** The line of the log that said it was ready. */
  ready: Record<string, unknown>;
  /** Warnings and errors of its log so far, and an end that was not in order. */
  troubles: readonly Trouble[];
  stop(): Promise<void>;
}

/**
 * Starts `dist/apps/NAME/main.js` and waits for the line of its log that says it is ready.
 * @throws Error with the last lines of the log
 */
export async function startProduct(options: ProductOptions): Promise<ProductProcess> {
  const { name, number, settings, cpuProfile } = options;
  const profiling =
    cpuProfile === undefined
      ? []
      : [
          '--cpu-prof',
          `--cpu-prof-dir=${path.resolve(cpuProfile)}`,
          `--cpu-prof-name=${name}-${number}-${Date.now()}.cpuprofile`,
        ];
  const child = spawnProduct(name, profiling, settings);
  const troubles: Trouble[] = [];
  const title = `${name} ${number}`;
  try {
    const onTrouble = (level: number, message: string) => troubles.push({ process: title, level, message });
    const ready = await waitForLine(child, title, options, onTrouble);
    let asked = false;
    child.once('exit', (code, signal) => {
      if (asked && code === 0) return;
      const how = `ended with ${signal ?? `exit code ${code}`}${asked ? ' when asked to close' : ' unasked'}`;
      troubles.push({ process: title, level: FATAL, message: how });
    });
    const stop = () => {
      asked = true;
      return stopProcess(child);
    };
    return { pid: child.pid ?? 0, ready, troubles, stop };
  } catch (error) {
    await stopProcess(child);
    throw error;
  }
}

/** Runs `dist/apps/NAME/main.js` to its end. @throws Error with what it wrote when the exit code is not 0 */
export async function runProduct(name: 'migrate', settings: Record<string, string>): Promise<void> {
  const child = spawnProduct(name, [], settings);
  const written: string[] = [];
  child.stderr?.on('data', (chunk: Buffer) => written.push(chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`The ${name} process failed:\n${written.join('').trimEnd()}`);
}

function spawnProduct(name: string, nodeOptions: string[], settings: Record<string, string>): ChildProcess {
  return spawnOwn(process.execPath, [...nodeOptions, path.join(BUILD, 'apps', name, 'main.js')], {
    // Nothing else of the user's environment: a DATABASE_URL of his own must not get here.
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NODE_ENV: 'production', ...settings },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
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

/** @param onTrouble hears of every line of level warn and above, now and later */
function waitForLine(
  child: ChildProcess,
  title: string,
  { readyMessage, onLogLine }: ProductOptions,
  onTrouble: (level: number, message: string) => void,
): Promise<Record<string, unknown>> {
  const last: string[] = [];
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`The ${title} ${why}:\n${last.join('\n')}`));
    const timer = setTimeout(fail, READY_WITHIN_MS, 'was not ready in time');
    child.once('error', reject);
    child.once('exit', () => fail('ended'));
    if (child.stderr === null) throw new Error('the log is not piped');
    // Read to the end: a log that nobody reads would stop the process when the pipe is full.
    createInterface(child.stderr).on('line', (line) => {
      onLogLine?.(line);
      last.push(line);
      if (last.length > LINES_KEPT) last.shift();
      const entry = parse(line);
      if (Number(entry.level) >= WARN) onTrouble(Number(entry.level), String(entry.msg));
      if (entry.msg === readyMessage) {
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
