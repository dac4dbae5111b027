/** Notes what each fault run gave, for the table that `npm run test:faults` prints. */
import { appendFileSync } from 'node:fs';
import type { Backend } from './muster';
import type { Verdict } from './verdict';

export interface FaultRun {
  fault: string;
  backend: Backend;
  /** How often the fault was injected. */
  injections: number;
  verdict: Verdict;
  /** From the fault, or from its end, until the job went on; milliseconds, the longest. */
  recoveryMs?: number | undefined;
}

/** Adds a line to the file FAULT_REPORT, when there is such a variable. */
export function noteFaultRun(run: FaultRun): void {
  const file = process.env.FAULT_REPORT;
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(run)}\n`);
}
