/** The package that npm makes of this project, installed globally and used in an empty folder as a newcomer would. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { waitFor } from '../support/wait';

const ROOT = path.resolve(__dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'muster-package-'));
// The embedded PostgreSQL does not run as root, so others must be able to enter.
chmodSync(folder, 0o755);
const muster = path.join(folder, 'global', 'bin', 'muster');

beforeAll(() => {
  // What is built is what is tested; building it anew would disturb the tests that run beside this one.
  const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], {
    cwd: ROOT,
    encoding: 'utf8',
  }).trim();
  const flags = [
    '--ignore-scripts',
    '--prefix',
    path.join(folder, 'global'),
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
  ];
  execFileSync('npm', ['install', '--global', ...flags, path.join(folder, packed)], {
    cwd: folder,
    stdio: 'ignore',
  });
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('has its command, runs the service and imports into it', async () => {
  const env = { PATH: process.env.PATH, HOME: folder, PORT: '0', USERS_PER_MINUTE: '0' };
  const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
  expect(execFileSync(muster, ['--version'], { cwd: folder, env, encoding: 'utf8' })).toBe(`${version}\n`);

  const service = spawn(muster, ['start'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(service, 'exit');
  try {
    let banner = '';
    service.stdout.on('data', (chunk: Buffer) => (banner += chunk.toString('utf8')));
    await waitFor('the service', async () => banner.includes('Ctrl-C stops'), 120_000);
    const access = {
      MUSTER_URL: /http:\/\/127\.0\.0\.1:\d+/.exec(banner)?.[0],
      MUSTER_API_KEY: readFileSync(path.join(folder, '.data', 'api-key'), 'utf8').trim(),
    };
    writeFileSync(path.join(folder, 'users.csv'), 'user_id,plan\nu1,pro\nu2,free\n');
    const run = (...words: string[]) =>
      execFileSync(muster, words, {
        cwd: folder,
        env: { ...env, ...access },
        encoding: 'utf8',
        stdio: 'pipe',
      });
    expect(run('import', 'users.csv')).toContain('2 created');
    expect(run('users', 'get', 'u1')).toContain('"pro"');
    expect(run('keys', 'list')).toContain('default');
  } finally {
    service.kill('SIGTERM');
  }
  expect(await ended).toEqual([0, null]);
}, 180_000);
