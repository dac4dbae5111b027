/** A yardstick: a small service that somebody might write instead, in a process of its own, from its built file. */
import { once } from 'node:events';
import path from 'node:path';
import { spawnOwn, stopProcess } from '../child-process';

export interface Yardstick {
  url: string;
  pid: number;
  stop(): Promise<void>;
}

/**
 * Starts `yardsticks/NAME.js` and waits until it listens. It is run as the product is: NODE_ENV=production.
 * @param settings its environment
 * @param cpuProfile folder for a CPU profile, so that with profiles both sides are slowed; undefined = none is taken
 * @throws Error when it ends before it listens; it has then said why on standard error
 */
export async function startYardstick(
  name: 'constant' | 'receive',
  settings: Record<string, string>,
  cpuProfile: string | undefined,
): Promise<Yardstick> {
  const profiling =
    cpuProfile === undefined
      ? []
      : [
          '--cpu-prof',
          `--cpu-prof-dir=${path.resolve(cpuProfile)}`,
          `--cpu-prof-name=yardstick-${name}-${Date.now()}.cpuprofile`,
        ];
  const child = spawnOwn(process.execPath, [...profiling, path.join(__dirname, `${name}.js`)], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NODE_ENV: 'production', ...settings },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit').then(() => {
    throw new Error(`The yardstick ${name} did not start.`);
  });
  const [port] = (await Promise.race([once(child, 'message'), ended])) as [number];
  ended.catch(() => undefined); // from now on its end is no surprise
  return { url: `http://127.0.0.1:${port}`, pid: child.pid ?? 0, stop: () => stopProcess(child) };
}
