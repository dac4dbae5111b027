/** A peer's server as a process of its own on a free port, with a folder for its data. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawnOwn, stopProcess } from '../child-process';
import { atExit } from './at-exit';
import { keepLastLines } from './process-words';

const READY_WITHIN_MS = 120_000;
const POLL_MS = 100;

export interface PeerCommand {
  /** For errors. */
  name: string;
  program: string;
  args: string[];
  /** Runs there. */
  folder: string;
  /** Its whole environment beside PATH and HOME. */
  environment?: Record<string, string>;
}

export interface DataFolder {
  path: string;
  /** Repeatable. */
  remove(): void;
}

/** Makes a folder that is gone at the latest when this process exits. */
export function makeDataFolder(): DataFolder {
  const folder = mkdtempSync(path.join(tmpdir(), 'muster-bench-peer-'));
  // Tried again: at exit the peer that was killed a moment ago may still be writing.
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  const callOff = atExit(remove);
  return {
    path: folder,
    remove() {
      callOff();
      remove();
    },
  };
}

/** Runs it to its end. @throws Error with its last words when the exit code is not 0 */
export async function runPeer(command: PeerCommand): Promise<void> {
  const child = spawnPeer(command);
  const lastLines = keepLastLines(child);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${command.name} failed with exit code ${code}: ${lastLines()}`);
}

/**
 * Starts it and waits until it answers 200 at this address. Returns what stops it.
 * @throws Error with its last words when it ends, or does not answer within two minutes
 */
export async function startPeer(command: PeerCommand, readyUrl: string): Promise<() => Promise<void>> {
  const child = spawnPeer(command);
  const lastLines = keepLastLines(child);
  let fault: Error | undefined;
  child.once('error', (error) => {
    fault = error;
  });
  child.once(
    'exit',
    atExit(() => child.kill('SIGKILL')),
  );
  const begun = performance.now();
  while (!(await answers(readyUrl))) {
    const ended = child.exitCode !== null || child.signalCode !== null;
    if (fault === undefined && !ended && performance.now() - begun < READY_WITHIN_MS) {
      await sleep(POLL_MS);
      continue;
    }
    await stopProcess(child);
    throw fault ?? new Error(`${command.name} ${ended ? 'ended' : 'was not ready in time'}: ${lastLines()}`);
  }
  return () => stopProcess(child);
}

function spawnPeer({ program, args, folder, environment }: PeerCommand) {
  return spawnOwn(program, args, {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
