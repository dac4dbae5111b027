/** The proxies of examples/proxies that serve Muster under /muster/, as processes; but for the ports as they stand there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '#apps/standalone/free-port';
import { waitFor } from './wait';

const EXAMPLES = path.resolve(__dirname, '../../examples/proxies');

const PROXIES = {
  nginx: { file: 'nginx-prefix.conf', words: ['-p', '.', '-g', 'daemon off;', '-c'], end: 'SIGTERM' },
  caddy: { file: 'Caddyfile-prefix', words: ['run', '--adapter', 'caddyfile', '--config'], end: 'SIGKILL' },
} as const;

export type PrefixProxyName = keyof typeof PROXIES;
export const PREFIX_PROXIES = Object.keys(PROXIES) as PrefixProxyName[];

export interface PrefixProxy {
  /** Where clients reach the API: `http://127.0.0.1:40000/muster`. */
  url: string;
  close(): Promise<void>;
}

/**
 * Starts a proxy and waits until it answers.
 * @param apiPort port of the API on this machine, which need not listen yet
 * @throws Error with what the proxy wrote when it does not start
 */
export async function startPrefixProxy(name: PrefixProxyName, apiPort: number): Promise<PrefixProxy> {
  const { file, words, end } = PROXIES[name];
  const port = await freePort();
  const folder = mkdtempSync(path.join(tmpdir(), `muster-${name}-`));
  const example = readFileSync(path.join(EXAMPLES, file), 'utf8');
  const text = example.replaceAll('127.0.0.1:3000', `127.0.0.1:${apiPort}`).replaceAll('8080', String(port));
  if (!text.includes(String(apiPort)) || !text.includes(String(port)))
    throw new Error(`${file} has other ports`);
  writeFileSync(path.join(folder, file), text);
  const child = spawn(name, [...words, file], {
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
  let fault: string | undefined;
  let written = '';
  child.stderr.on('data', (bytes) => {
    written += bytes;
  });
  child.once('error', () => {
    fault = `${name} is missing: ./scripts/install-package ${name} ${name} ${name} installs it.`;
  });
  child.once('exit', (code) => {
    fault = `${name} ended with ${code}: ${written}`;
  });
  const url = `http://127.0.0.1:${port}/muster`;
  await waitFor(name, () => {
    if (fault !== undefined) throw new Error(fault);
    // 502 while there is no API is an answer too.
    return fetch(`${url}/healthz`).then(
      () => true,
      () => false,
    );
  });
  return {
    url,
    async close() {
      child.kill(end);
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}
