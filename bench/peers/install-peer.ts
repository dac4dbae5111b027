/**
 * Installs peers with npm into a cache folder, where later runs find them. They are no dependencies of the project.
 * A folder is in the cache when its installation has ended well, never before.
 */
import { once } from 'node:events';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { spawnOwn } from '../child-process';
import { atExit } from './at-exit';
import { keepFirstLines } from './process-words';

export interface PeerPackages {
  /** Names the folder, with the version. */
  name: string;
  version: string;
  /** Package names with exact versions. */
  packages: Record<string, string>;
  /** Packages whose install scripts must run, to compile. No other one's are run. */
  compile?: string[];
}

/** @returns the folder that has `node_modules`. @throws Error with the words of npm */
export async function installPeer(peer: PeerPackages, progress: (words: string) => void): Promise<string> {
  const cache = process.env.MUSTER_BENCH_CACHE ?? path.join(homedir(), '.cache', 'muster-bench');
  const folder = path.resolve(cache, `${peer.name}-${peer.version}`);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.unfinished-${process.pid}`;
  const remove = () => rmSync(unfinished, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  const callOff = atExit(remove);
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
    callOff();
    remove();
  }
  return folder;
}

/** Its first lines say what is wrong; those that begin with `at` are the stack of npm itself. */
const NPM_ERROR = /^npm (error|ERR!) (?!\s*at )/;

async function npm(folder: string, words: string[]): Promise<void> {
  const child = spawnOwn('npm', [...words, '--prefix', folder, '--loglevel=error'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // The compilers that npm has started too: they are in its process group.
  const callOff = atExit(() => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
  });
  const errors = keepFirstLines(child, NPM_ERROR);
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    if (code === 0) return;
    const why = errors().replaceAll(/https?:\S+/g, 'the registry');
    throw new Error(`npm ${words[0]} failed with exit code ${code}: ${why}`);
  } finally {
    callOff();
  }
}
