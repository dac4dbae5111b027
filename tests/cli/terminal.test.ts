/** What people see: on a terminal a bar, elsewhere lines, and with --help everything. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Muster, startMuster, unique } from '../support/muster';
import { makeHome, runCli, startCli } from './support/run-cli';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster({ usersPerMinute: 60_000 });
});
afterAll(() => muster.close());

function write(rows: number): { file: string; home: string } {
  const [home, id] = [makeHome(), unique()];
  const file = path.join(home, 'users.ndjson');
  writeFileSync(file, Array.from({ length: rows }, (_, n) => `{"user_id":"${id}-${n}"}\n`).join(''));
  return { file, home };
}

it('on a terminal a bar moves, and the cursor is given back', async () => {
  // util-linux: script runs a program on a pseudo-terminal.
  expect(spawnSync('script', ['--version']).status).toBe(0);
  const { file, home } = write(2_000);
  const main = path.resolve(__dirname, '../../dist/apps/cli/main.js');
  const { spawn } = await import('node:child_process');
  const child = spawn('script', ['-qec', `${process.execPath} ${main} import ${file}`, '/dev/null'], {
    env: {
      PATH: process.env.PATH,
      HOME: home,
      TERM: 'xterm',
      MUSTER_URL: muster.url,
      MUSTER_API_KEY: muster.key,
    },
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect(code).toBe(0);
  expect(text).toContain('\u2588');
  expect(text).toContain('rows');
  expect(text).toContain('2,000 created');
  expect(text.lastIndexOf('\x1b[?25h')).toBeGreaterThan(text.lastIndexOf('\x1b[?25l'));
});

it('elsewhere there are plain lines without a single control character', async () => {
  const { file, home } = write(2_000);
  const run = await startCli(['import', file], { url: muster.url, apiKey: muster.key, home }).ended;
  expect(run.code).toBe(0);
  expect(`${run.stdout}${run.stderr}`.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  expect(run.stderr).toContain('rows');
});

it('every command has a help text with an exit code of 0, and an unknown one is refused', async () => {
  const { stdout } = await runCli(['--help']);
  const commands = [...stdout.matchAll(/^ {2}([a-z]+)[ |]/gm)].map(([, name]) => name as string);
  expect(commands).toEqual(
    expect.arrayContaining(['import', 'validate', 'jobs', 'watch', 'results', 'cancel', 'retry', 'users']),
  );
  for (const command of commands) {
    expect(await runCli([command, '--help'])).toMatchObject({ code: 0, stderr: '' });
  }
  expect(await runCli(['imprt'])).toMatchObject({ code: 3, stderr: expect.stringContaining('import') });
});
