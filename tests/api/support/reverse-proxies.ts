/** The proxies of examples/proxies as processes, as they stand there but for the ports. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '#apps/standalone/free-port';
import { waitFor } from '../../support/wait';

const EXAMPLES = path.resolve(__dirname, '..', '..', '..', 'examples', 'proxies');

/**
 * How each is started from its folder with the configuration in it, and ended: nginx ends its workers itself; Caddy would
 * wait for its clients.
 */
const COMMANDS = {
  nginx: { file: 'nginx.conf', words: ['-p', '.', '-c', 'nginx.conf', '-g', 'daemon off;'], end: 'SIGTERM' },
  caddy: {
    file: 'Caddyfile',
    words: ['run', '--adapter', 'caddyfile', '--config', 'Caddyfile'],
    end: 'SIGKILL',
  },
  haproxy: { file: 'haproxy.cfg', words: ['-db', '-f', 'haproxy.cfg'], end: 'SIGKILL' },
} as const;

export type ProxyName = keyof typeof COMMANDS;

export interface ReverseProxy {
  url: string;
  close(): Promise<void>;
}

/**
 * Starts a proxy in front of the API and waits until it takes connections.
 * @param change what the test changes of the configuration
 * @throws Error with what the proxy wrote when it does not start
 */
export async function startReverseProxy(
  name: ProxyName,
  apiUrl: string,
  change: (configuration: string) => string = (text) => text,
): Promise<ReverseProxy> {
  const { file, words, end } = COMMANDS[name];
  const port = await freePort();
  const folder = mkdtempSync(path.join(tmpdir(), `muster-${name}-`));
  const example = readFileSync(path.join(EXAMPLES, file), 'utf8');
  for (const needed of ['8080', '127.0.0.1:3000']) {
    if (!example.includes(needed)) throw new Error(`${file} has no ${needed} to be replaced`);
  }
  const text = example.replaceAll('127.0.0.1:3000', new URL(apiUrl).host).replaceAll('8080', String(port));
  writeFileSync(path.join(folder, file), change(text));
  const child = spawn(name, words, {
    cwd: folder,
    // Debian keeps daemons where only root's PATH leads; Caddy keeps its state where it is told to.
    env: {
      PATH: `${process.env.PATH}:/usr/sbin`,
      HOME: folder,
      XDG_CONFIG_HOME: folder,
      XDG_DATA_HOME: folder,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'exit').catch(() => undefined);
  let written = '';
  child.stderr.on('data', (bytes) => {
    written += bytes;
  });
  let fault: string | undefined;
  child.once('error', () => {
    fault = `${name} is missing: ./scripts/ensure-proxies installs it.`;
  });
  child.once('exit', (code) => {
    fault = `${name} ended with ${code}: ${written}`;
  });
  await waitFor(name, () => {
    if (fault !== undefined) throw new Error(fault);
    return takesConnections(port);
  });
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      child.kill(end);
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
