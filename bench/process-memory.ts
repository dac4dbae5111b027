/** Memory of another process, as Linux accounts for it. All in MB of 1024 x 1024 bytes, as the limits of the product. */
import { readFileSync, writeFileSync } from 'node:fs';

/** What the process has in memory now. */
export function residentMb(pid: number): number {
  return readStatus(pid, 'VmRSS');
}

/** The most it has had in memory since the process began or resetPeak. */
export function peakMb(pid: number): number {
  return readStatus(pid, 'VmHWM');
}

/** Lets the peak begin anew at what is in memory now (proc(5), clear_refs). */
export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

function readStatus(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  if (process.platform !== 'linux') throw new Error('Memory is measured on Linux only.');
  const found = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(found?.[1]) / 1024;
}
