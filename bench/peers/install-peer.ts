/**
 * Installs peers with npm into a cache folder, where later runs find them. They are no dependencies of the project.
 * A folder is in the cache when its installation has ended well, never before.
 */
import { once } from 'node:events';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { spawnOwn } from '../child-process';
import { keepLastLines } from './last-lines';

export interface PeerPackages {
  /** Names the folder, with the version. */
  name: string;
  version: string;
  /** Package names with exact versions. */
  packages: Record<string, string>;
  /** Packages whose install scripts must run, to compile. No other one's are run. */
  compile?: string[];
}

/** @returns the folder that has `node_modules`. @throws Error with the last words of npm */
export async function installPeer(peer: PeerPackages, progress: (words: string) => void): Promise<string> {
  const cache = process.env.MUSTER_BENCH_CACHE ?? path.join(homedir(), '.cache', 'muster-bench');
  const folder = path.resolve(cache, `${peer.name}-${peer.version}`);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.unfinished-${process.pid}`;
  const remove = () => rmSync(unfinished, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  process.once('exit', remove);
  try {
    mkdirSync(unfinished, { recursive: true });
    const { packages: dependencies, compile = [] } = peer;
    const description = { name: `peer-${peer.name}`, private: true, dependencies };
    writeFileSync(path.join(unfinished, 'package.json'), JSON.stringify(description));
    progress(`installing ${peer.name} ${peer.version} into ${cache}, once`);
    await npm(unfinished, ['install', '--ignore-scripts', '--no-audit', '--no-fund']);
    if (compile.length > 0) {
      progress(`compiling ${compile.join(', ')} for ${peer.name}, once; takes minutes`);
      await npm(unfinished, ['rebuild', ...compile]);
    }
    // Another bench may have been quicker: what it installed is the same.
    if (!existsSync(folder)) renameSync(unfinished, folder);
  } finally {
    process.off('exit', remove);
    remove();
  }
  return folder;
}

async function npm(folder: string, words: string[]): Promise<void> {
  const child = spawnOwn('npm', [...words, '--prefix', folder, '--loglevel=error'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // The compilers that npm has started too: they are in its process group.
  const killAll = () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
  };
  process.prependOnceListener('exit', killAll);
  const lastLines = keepLastLines(child);
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`npm ${words[0]} failed with exit code ${code}: ${lastLines()}`);
  } finally {
    process.off('exit', killAll);
  }
}
