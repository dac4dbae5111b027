/** What the figures were measured on. */
import { execFileSync } from 'node:child_process';
import os from 'node:os';
import { startService } from './service';

/** The facts in the order of the report, name and value. */
export async function describeMachine(): Promise<[name: string, value: string][]> {
  const cpus = os.cpus();
  return [
    ['CPU', cpus[0]?.model.trim() ?? 'unknown'],
    ['Cores', String(cpus.length)],
    ['Memory', `${(os.totalmem() / 1024 ** 3).toFixed(1)} GB`],
    ['System', `${os.type()} ${os.release()} ${os.arch()}`],
    ['Load average of the minute before', (os.loadavg()[0] ?? 0).toFixed(2)],
    ['Node', process.version],
    ['PostgreSQL', await postgresVersion()],
    ['Redis', redisVersion()],
  ];
}

async function postgresVersion(): Promise<string> {
  const service = await startService({ backend: 'postgresql', workers: 0, cpuProfile: undefined });
  try {
    const { rows } = await service.database.query<{ version: string; fsync: string; commit: string }>(
      `SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync,
              current_setting('synchronous_commit') AS commit`,
    );
    const [found] = rows;
    return `${found?.version} (embedded; fsync ${found?.fsync}, synchronous_commit ${found?.commit})`;
  } finally {
    await service.stop();
  }
}

function redisVersion(): string {
  try {
    const words = execFileSync('redis-server', ['--version'], { encoding: 'utf8' });
    return /v=(\S+)/.exec(words)?.[1] ?? 'unknown';
  } catch {
    return 'not installed';
  }
}
