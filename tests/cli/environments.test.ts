/** `muster environments delete` deletes nothing before the slug was given twice. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { findDeletion } from '#store/open-environment';
import { type Muster, startMuster } from '../support/muster';
import { waitFor } from '../support/wait';
import { makeHome, runCli } from './support/run-cli';

const MAIN = path.resolve(__dirname, '../../dist/apps/cli/main.js');

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

const isOpen = async (slug: string) => (await findDeletion(muster.store.pool, slug)) === null;

/** Types the answer on a terminal when it is asked for. */
async function onTerminal(words: string, answer: string): Promise<{ code: unknown; text: string }> {
  // util-linux: script runs a program on a pseudo-terminal.
  const child = spawn('script', ['-qec', `${process.execPath} ${MAIN} ${words}`, '/dev/null'], {
    env: { PATH: process.env.PATH, HOME: makeHome(), DATABASE_URL: muster.databaseUrl },
  });
  let text = '';
  let isAnswered = false;
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
    if (isAnswered || !text.includes('confirm:')) return;
    isAnswered = true;
    child.stdin.write(`${answer}\n`);
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { code, text };
}

it('on a terminal it asks for the slug to be typed', async () => {
  const { key } = await muster.addEnvironment('typed');
  const wrong = await onTerminal('environments delete typed', 'type');
  expect(wrong.code).not.toBe(0);
  expect(wrong.text).toContain('Nothing was deleted.');
  expect(await isOpen('typed')).toBe(true);
  await muster.get('/v1/users', key).expect(200);
  const right = await onTerminal('environments delete typed', 'typed');
  expect(right.text).toContain('is being deleted');
  expect(right.code).toBe(0);
  await muster.get('/v1/users', key).expect(401);
  await waitFor('the end of the environment', async () => {
    return (await findDeletion(muster.store.pool, 'typed')) === undefined;
  });
}, 60_000);

it('elsewhere it wants --confirm with the same slug', async () => {
  await muster.addEnvironment('scripted');
  const env = { DATABASE_URL: muster.databaseUrl };
  const words = ['environments', 'delete', 'scripted'];
  const unasked = await runCli(words, { env });
  expect(unasked.code).not.toBe(0);
  expect(unasked.stderr).toContain('--confirm');
  expect((await runCli([...words, '--confirm', 'other'], { env })).code).not.toBe(0);
  expect(await isOpen('scripted')).toBe(true);
  const confirmed = await runCli([...words, '--confirm', 'scripted'], { env });
  expect(confirmed).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('is being deleted'),
    stderr: '',
  });
  expect(await isOpen('scripted')).toBe(false);
}, 60_000);
