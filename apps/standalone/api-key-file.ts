/** The generated key of the environment `default`, kept in the data folder for its owner's eyes only. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isUsableKey } from '#settings/settings';
import { generateKey } from '#store/api-keys';

export interface KeyFile {
  key: string;
  /** Its path. */
  file: string;
  /** This call made it: nobody has seen the key yet. */
  generated: boolean;
}

/**
 * The key in `dataDir/api-key` (mode 0600); made when there is none yet.
 * @throws Error when the file holds something that cannot be a key
 */
export function readOrMakeKey(dataDir: string): KeyFile {
  const file = keyFile(dataDir);
  let generated = true;
  try {
    writeFileSync(file, `${generateKey()}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    generated = false;
  }
  const key = readFileSync(file, 'utf8').trim();
  if (!isUsableKey(key)) {
    throw new Error(
      `${file} holds no usable API key: at least 16 printable ASCII characters without spaces. ` +
        'Remove the file to have one generated.',
    );
  }
  return { key, file, generated };
}

/** Puts a new key into the file, whole or not at all, if the file holds the key that it replaces. */
export function replaceKeyFile(dataDir: string, key: string, replaces: (key: string) => boolean): void {
  const file = keyFile(dataDir);
  if (!existsSync(file) || !replaces(readFileSync(file, 'utf8').trim())) return;
  const draft = `${file}.${randomBytes(4).toString('hex')}`;
  writeFileSync(draft, `${key}\n`, { mode: 0o600, flag: 'wx', flush: true });
  renameSync(draft, file);
}

function keyFile(dataDir: string): string {
  return path.join(dataDir, 'api-key');
}
