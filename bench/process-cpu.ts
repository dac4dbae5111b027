/** CPU time of the processes of a service, as Linux accounts for it. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Queryable } from '#store/client';

/** Of /proc; the kernel shows all times in these whatever its own clock is. */
const TICKS_PER_SECOND = 100;

/** Seconds on a core, of user and system together. */
export interface CpuSeconds {
  api: number;
  workers: number;
  /** The server with all of its processes, also those that have ended. */
  postgresql: number;
  /** This process, which is the client. */
  bench: number;
}

export interface Parties {
  api: readonly number[];
  workers: readonly number[];
  postmaster: number;
}

/**
 * Finds the processes of the one service that this process has started.
 * @param database of that service
 * @throws Error on other systems than Linux
 */
export async function findParties({ database }: { database: Queryable }): Promise<Parties> {
  if (process.platform !== 'linux') throw new Error('CPU time is measured on Linux only.');
  const { rows } = await database.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const postmaster = readStat(rows[0]?.pid ?? 0)?.parent;
  if (postmaster === undefined) throw new Error('The PostgreSQL server is not on this machine.');
  const children = childrenOf(process.pid);
  const running = (name: string) => children.filter((pid) => commandOf(pid).includes(`apps/${name}/main.js`));
  return { api: running('api'), workers: running('worker'), postmaster };
}

export function readCpuSeconds({ api, workers, postmaster }: Parties): CpuSeconds {
  const { user, system } = process.cpuUsage();
  const server = readStat(postmaster);
  const sessions = childrenOf(postmaster).map((pid) => readStat(pid)?.ticks ?? 0);
  const serverTicks = (server?.ticks ?? 0) + (server?.ticksOfEndedChildren ?? 0) + sum(sessions);
  const seconds = (pids: readonly number[]) =>
    sum(pids.map((pid) => readStat(pid)?.ticks ?? 0)) / TICKS_PER_SECOND;
  return {
    api: seconds(api),
    workers: seconds(workers),
    postgresql: serverTicks / TICKS_PER_SECOND,
    bench: (user + system) / 1e6,
  };
}

interface Stat {
  parent: number;
  ticks: number;
  ticksOfEndedChildren: number;
}

/** proc(5), /proc/PID/stat; undefined when there is no such process any more. */
function readStat(pid: number): Stat | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The second field is the name of the program and may itself have blanks and brackets; the third is the first here.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const field = (number: number) => fields[number - 3] ?? Number.NaN;
  return { parent: field(4), ticks: field(14) + field(15), ticksOfEndedChildren: field(16) + field(17) };
}

function childrenOf(parent: number): number[] {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.filter((pid) => readStat(pid)?.parent === parent);
}

function commandOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`)?.replaceAll('\0', ' ') ?? '';
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, number) => all + number, 0);
}
