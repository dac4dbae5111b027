/** A Redis of a test's own, to be killed, restarted and flushed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { freePort } from '../../apps/standalone/free-port';
import { waitFor } from './wait';

export interface RedisServer {
  port: number;
  /** Runs one command on a connection of its own. */
  command(...words: string[]): Promise<unknown>;
  signal(signal: NodeJS.Signals): void;
  kill(): Promise<void>;
  /** Starts it again on the same port and folder, after a kill. */
  start(): Promise<void>;
}

/** Starts it. Nothing is kept on disk but what the options or commands say. */
export async function startRedis(folder: string, options: string[] = []): Promise<RedisServer> {
  const port = await freePort();
  let child: ChildProcess | undefined;

  const server: RedisServer = {
    port,
    async command(...words) {
      const client = new Redis({
        port,
        maxRetriesPerRequest: 0,
        retryStrategy: () => null,
        lazyConnect: true,
      });
      client.on('error', () => undefined);
      try {
        await client.connect();
        return await client.call(words[0] as string, ...words.slice(1));
      } finally {
        client.disconnect();
      }
    },
    signal(signal) {
      child?.kill(signal);
    },
    async kill() {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
    async start() {
      child = spawn(
        'redis-server',
        ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder, ...options],
        { stdio: 'ignore' },
      );
      let fault: Error | undefined;
      child.once('error', () => {
        fault = new Error('redis-server is missing: ./scripts/ensure-redis installs it.');
      });
      await waitFor('redis-server', () => {
        if (fault !== undefined) throw fault;
        return server.command('PING').then(
          () => true,
          () => false,
        );
      });
    },
  };
  await server.start();
  return server;
}
