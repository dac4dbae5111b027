/**
 * Packages that only a test needs and that are large: installed with a lock file of their own into `.cache`, where later
 * runs find them.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

export const INSTALL_TIMEOUT_MS = 300_000;

/**
 * @param source folder with package.json and package-lock.json
 * @param name of the folder in `.cache`
 * @returns the folder with node_modules; it exists exactly when its installation has ended well
 * @throws Error in words of npm when they cannot be installed
 */
export async function installFolder(source: string, name: string): Promise<string> {
  const lock = readFileSync(path.join(source, 'package-lock.json'));
  const version = createHash('sha256').update(lock).digest('hex').slice(0, 12);
  const folder = path.resolve(__dirname, '../../.cache', `${name}-${version}`);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.unfinished-${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    for (const file of ['package.json', 'package-lock.json']) {
      copyFileSync(path.join(source, file), path.join(unfinished, file));
    }
    const flags = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    await promisify(execFile)('npm', flags, { cwd: unfinished, timeout: INSTALL_TIMEOUT_MS }).catch(
      (error: { stderr?: string; message: string }) => {
        throw new Error(`${name} cannot be installed: ${error.stderr || error.message}`);
      },
    );
    // Another test may have been faster.
    if (!existsSync(folder)) renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return folder;
}
