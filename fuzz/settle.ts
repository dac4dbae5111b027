/** What only the end can show: everything has settled in the database, and the API holds no more than when it was warm. */
import { readdirSync } from 'node:fs';
import type { Queryable } from '#store/client';
import type { Trouble } from '../bench/child-process';
import { residentMb } from '../bench/process-memory';
import { findMiscounted, findRemains, findUnfinished, waitForTrue } from './look';

const SETTLED_WITHIN_MS = 30_000;
const MAX_GROWTH_MB = 150;
const MAX_MORE_FILES = 8;
const MOST_NAMED = 20;

/** Whether a process has ended by itself; what else they complain of is seen in their logs. */
export function judgeTroubles(troubles: readonly Trouble[]): string[] {
  return troubles.filter(isEnd).map((trouble) => `ended: ${trouble.process} ${trouble.message}`);
}

/** Whether a process of the product is no more. */
export function isEnd({ message }: Trouble): boolean {
  return message.startsWith('ended');
}

/** The violations that the whole database shows; environments are named after their cases. */
export async function judgeEnd(db: Queryable): Promise<string[]> {
  const [unfinished, remains] = [
    await settled(() => findUnfinished(db)),
    await settled(() => findRemains(db)),
  ];
  return [
    ...name('never ends: a job has no final state', unfinished),
    ...name('remains: uploads or staged rows without a job', remains),
    ...name('miscounted: counters are not those of the results', await findMiscounted(db)),
  ];
}

async function settled(find: () => Promise<string[]>): Promise<string[]> {
  let found: string[] = [];
  await waitForTrue(async () => {
    found = await find();
    return found.length === 0;
  }, SETTLED_WITHIN_MS);
  return found;
}

function name(violation: string, environments: readonly string[]): string[] {
  if (environments.length === 0) return [];
  return [`${violation}, ${environments.length} times: ${environments.slice(0, MOST_NAMED).join(', ')}`];
}

/** What a process holds of the machine. */
export interface Holdings {
  memoryMb: number;
  files: number;
}

/** Undefined where the system does not tell. */
export function holdingsOf(pid: number): Holdings | undefined {
  if (process.platform !== 'linux') return undefined;
  return { memoryMb: residentMb(pid), files: readdirSync(`/proc/${pid}/fd`).length };
}

/** Compares what a process holds now, when nobody asks for anything, with what it held before. */
export async function judgeHoldings(
  pid: number,
  warm: Holdings,
): Promise<{ violations: string[]; sentence: string }> {
  let now = warm;
  await waitForTrue(() => {
    now = holdingsOf(pid) ?? warm;
    return now.files <= warm.files + MAX_MORE_FILES;
  }, SETTLED_WITHIN_MS);
  const violations: string[] = [];
  if (now.files > warm.files + MAX_MORE_FILES)
    violations.push('leak: the API has more files open than when warm');
  if (now.memoryMb > warm.memoryMb + MAX_GROWTH_MB)
    violations.push('leak: the API holds more memory than when warm');
  const show = ({ memoryMb, files }: Holdings) => `${memoryMb.toFixed(0)} MB and ${files} open files`;
  return { violations, sentence: `The API holds ${show(now)}; when warm it held ${show(warm)}.` };
}
