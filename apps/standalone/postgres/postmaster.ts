/**
 * A running PostgreSQL server, known through the postmaster.pid that it keeps in its database folder.
 * Signals only ever go to the process that was seen: a number that another program got meanwhile is left alone.
 */
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspectProcess, isStillRunning, type ProcessInfo, workingFolder } from './process-info';

const POLL_MS = 20;

export interface Postmaster {
  pid: number;
  /** With pid, what identifies the process. */
  started: string;
  port: number;
  /** As the server writes it: starting, ready, stopping; empty at its very beginning. */
  status: string;
}

/** The server that runs on this database folder, or undefined. */
export function findPostmaster(data: string): Postmaster | undefined {
  const lines = readPidFile(data)?.split('\n') ?? [];
  const pid = Number(lines[0]);
  const found = inspectProcess(pid);
  if (!found || !serves(data, pid, found)) return undefined;
  return { pid, started: found.started, port: Number(lines[3]), status: (lines[7] ?? '').trim() };
}

/**
 * Makes a postmaster.pid that no server stands behind harmless, so that PostgreSQL starts although the number in it
 * belongs to a zombie or to another program by now. Call it only when findPostmaster found nothing.
 *
 * The file is kept: with the shared memory it names, PostgreSQL itself makes sure that no process of the dead server
 * is still writing, and it overlooks a number that is its parent's. Only a file without a number, which it would
 * refuse for ever, is removed.
 */
export function disarmPidFile(data: string): void {
  const file = path.join(data, 'postmaster.pid');
  const text = readPidFile(data);
  if (text === undefined) return;
  if (/^\d+\n/.test(text)) fs.writeFileSync(file, text.replace(/^\d+/, String(process.pid)));
  else fs.rmSync(file, { force: true });
}

/** The port of the server that ran here last, from the command line that PostgreSQL keeps. */
export function previousPort(data: string): number | undefined {
  try {
    const found = /"-p" "(\d+)"/.exec(fs.readFileSync(path.join(data, 'postmaster.opts'), 'utf8'));
    return found ? Number(found[1]) : undefined;
  } catch {
    return undefined;
  }
}

export function isRunning({ pid, started }: Postmaster): boolean {
  return isStillRunning(pid, started);
}

/** Sends a signal, or does nothing when the server has ended. */
export function signal(postmaster: Postmaster, name: NodeJS.Signals): void {
  try {
    if (isRunning(postmaster)) process.kill(postmaster.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Stops the server and waits for its end, more pressing as time passes: SIGTERM lets open connections finish, SIGINT
 * after 1.5 s cuts them, SIGQUIT after 20 s gives up an orderly end (the next start then recovers from the log).
 * @throws Error when it is still there after 30 s.
 */
export async function terminate(postmaster: Postmaster): Promise<void> {
  const steps: [afterMs: number, name: NodeJS.Signals][] = [
    [0, 'SIGTERM'],
    [1_500, 'SIGINT'],
    [20_000, 'SIGQUIT'],
  ];
  const begun = performance.now();
  while (isRunning(postmaster)) {
    const passedMs = performance.now() - begun;
    while (steps[0] && passedMs >= steps[0][0]) signal(postmaster, steps.shift()?.[1] ?? 'SIGTERM');
    if (passedMs > 30_000)
      throw new Error(`PostgreSQL (process ${postmaster.pid}) did not stop within 30 s.`);
    await sleep(POLL_MS);
  }
}

function readPidFile(data: string): string | undefined {
  try {
    return fs.readFileSync(path.join(data, 'postmaster.pid'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether this process is a PostgreSQL server and works on this folder, and not something that got its number. */
function serves(data: string, pid: number, { command }: ProcessInfo): boolean {
  const isPostgres = path.basename((command[0] ?? '').split(' -')[0] ?? '') === 'postgres';
  return (
    isPostgres && (command.includes(data) || command[0]?.includes(` ${data} `) || workingFolder(pid) === data)
  );
}
