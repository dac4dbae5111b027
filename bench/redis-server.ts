/** A Redis of its own, on a free port, with nothing kept on disk. */
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

/** @throws Error with a sentence when redis-server is missing or does not start */
export async function startRedis(folder: string): Promise<RedisServer> {
  const port = await freePort();
  const child = spawnOwn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder],
    {
      stdio: 'ignore',
    },
  );
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
