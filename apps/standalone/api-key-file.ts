/** The generated key of the environment `default`, kept in the data folder for its owner's eyes only. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { generateKey } from '#store/api-keys';

/** The key in `dataDir/api-key` (mode 0600); made when there is none yet. */
export function readOrMakeKey(dataDir: string): string {
  const file = path.join(dataDir, 'api-key');
  try {
    writeFileSync(file, `${generateKey()}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFileSync(file, 'utf8').trim();
}
