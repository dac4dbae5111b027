/** A false clock for one process, by libfaketime. */
import { existsSync } from 'node:fs';

const LIBRARIES = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/faketime/libfaketimeMT.so.1',
];

/**
 * Environment variables that put a process on a false clock. Its steady clock stays the real one.
 * @param source seconds beside the real time, or a file that has them as `+3600s` and is looked at again and again
 */
export function fakeClock(source: number | string): Record<string, string> {
  const library = LIBRARIES.find((file) => existsSync(file));
  if (library === undefined)
    throw new Error('libfaketime is missing: ./scripts/ensure-faketime installs it.');
  const setting: Record<string, string> =
    typeof source === 'number'
      ? { FAKETIME: `${source < 0 ? '' : '+'}${source}s` }
      : { FAKETIME_TIMESTAMP_FILE: source, FAKETIME_NO_CACHE: '1' };
  return { LD_PRELOAD: library, FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1', ...setting };
}
