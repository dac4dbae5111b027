/** A Redis of its own, on a free port. */
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '#apps/standalone/free-port';
import { spawnOwn, stopProcess } from './child-process';

const READY_WITHIN_MS = 10_000;
const POLL_MS = 20;

export interface RedisServer {
  url: string;
  stop(): Promise<void>;
}

/** Nothing is kept on disk. */
const IN_MEMORY = { save: '' };

/**
 * @param folder where it keeps what it keeps
 * @param settings of redis.conf; its own defaults hold for all others
 * @throws Error with a sentence when redis-server is missing or does not start
 */
export async function startRedis(
  folder: string,
  settings: Record<string, string> = IN_MEMORY,
): Promise<RedisServer> {
  const port = await freePort();
  const all = { port: String(port), bind: '127.0.0.1', dir: folder, ...settings };
  const words = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawnOwn('redis-server', words, { stdio: 'ignore' });
  let fault: Error | undefined;
  child.once('error', () => {
    fault = new Error('redis-server is missing: ./scripts/ensure-redis installs it.');
  });
  const begun = performance.now();
  while (!(await answers(port))) {
    if (fault !== undefined) throw fault;
    if (child.exitCode !== null || performance.now() - begun > READY_WITHIN_MS) {
      await stopProcess(child);
      throw new Error('redis-server did not start.');
    }
    await sleep(POLL_MS);
  }
  return { url: `redis://127.0.0.1:${port}`, stop: () => stopProcess(child) };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    const answer = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('connect', () => answer(true)).once('error', () => answer(false));
  });
}
