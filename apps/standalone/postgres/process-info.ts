/**
 * Other processes of this machine, seen so that a number which was given to another program meanwhile is noticed.
 * Linux is read through /proc, other systems through ps.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

export interface ProcessInfo {
  /** When the process began, in whatever notation the system has. With the number it identifies the process. */
  started: string;
  /** The program and its arguments. ps gives them in one string, as the only element. */
  command: string[];
}

/**
 * What runs under this number, or undefined when nothing does. A zombie, which only waits for its parent to take
 * note of its end, counts as nothing, although signals can still be sent to it.
 */
export function inspectProcess(pid: number): ProcessInfo | undefined {
  if (!Number.isInteger(pid) || pid < 1) return undefined;
  return process.platform === 'linux' ? inspectThroughProc(pid) : inspectThroughPs(pid);
}

/** Whether the process that had this number and this beginning is still running. */
export function isStillRunning(pid: number, started: string): boolean {
  return inspectProcess(pid)?.started === started;
}

function inspectThroughProc(pid: number): ProcessInfo | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in brackets and may itself have blanks and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, ticksSinceBoot] = [fields[0] ?? '', fields[19] ?? ''];
    if (state === 'Z' || state === 'X') return undefined;
    const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const command = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return { started: `${boot}/${ticksSinceBoot}`, command: command.slice(0, -1) };
  } catch {
    return undefined;
  }
}

function inspectThroughPs(pid: number): ProcessInfo | undefined {
  const ps = spawnSync('ps', ['-o', 'stat=,lstart=,command=', '-p', String(pid)], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
  });
  const found = /^\s*(\S+)\s+(\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(.*)$/m.exec(ps.stdout ?? '');
  const [, state = 'Z', started = '', command = ''] = found ?? [];
  return state.startsWith('Z') ? undefined : { started, command: [command] };
}

/** The folder a process works in; undefined when it cannot be told. */
export function workingFolder(pid: number): string | undefined {
  try {
    return fs.readlinkSync(path.join('/proc', String(pid), 'cwd'));
  } catch {
    return undefined;
  }
}
