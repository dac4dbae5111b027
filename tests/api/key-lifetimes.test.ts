/** Which keys open an environment when API_KEY changes and when keys are rotated. */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { COMMANDS } from '#apps/admin/commands';
import { provisionKeys } from '#apps/provision';
import { createLogger } from '#logger';
import { readSettings } from '#settings/settings';
import { generateKey, listKeys, revokeKey } from '#store/api-keys';
import { type Muster, startMuster } from '../support/muster';
import { waitFor } from '../support/wait';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

const JOBS = '/v1/background_jobs';
const logger = createLogger('test', 'silent');
/** A process starts with this key in its settings. */
const start = (apiKey: string | undefined) =>
  provisionKeys(muster.store, { apiKey, production: false }, logger);
const status = async (key: string) => (await muster.get(JOBS, key)).status;
const prefixOf = (key: string) => key.slice(0, 12);

async function admin(...words: string[]): Promise<string> {
  const command = COMMANDS[words.slice(0, 2).join(' ')];
  return command?.(muster.store, words.slice(2), readSettings({}), () => undefined) ?? '';
}

async function stateOf(key: string): Promise<string> {
  const lines = (await admin('keys', 'list')).split('\n').map((line) => line.split('\t'));
  return lines.find(([prefix]) => prefix === prefixOf(key))?.[3] ?? '';
}

describe('a changed API_KEY', () => {
  it('revokes the key that it replaces, and no other', async () => {
    const [first, second] = ['the-first-key-of-all', generateKey()];
    const created = (await admin('keys', 'create', '--environment', 'default')).trim();
    await start(first);
    await start(first);
    expect(await status(first)).toBe(200);
    await start(second);
    expect([await status(first), await status(second), await status(created)]).toEqual([401, 200, 200]);
    expect(await status(muster.key)).toBe(200);
    await start(undefined);
    expect(await status(second)).toBe(200);
  });

  it('opens again the key that it replaced when it is changed back: the newest start wins', async () => {
    const [old, young] = [generateKey(), generateKey()];
    for (const key of [old, young, old]) await start(key);
    expect([await status(old), await status(young)]).toEqual([200, 401]);
    expect(await stateOf(young)).toMatch(/^replaced \d{4}-/);
    await start(young);
    expect([await status(old), await status(young)]).toEqual([401, 200]);
  });

  it('leaves one key open when processes start with different keys at once', async () => {
    const keys = Array.from({ length: 6 }, generateKey);
    await Promise.all(keys.map(start));
    const statuses = await Promise.all(keys.map(status));
    expect(statuses.filter((one) => one === 200)).toHaveLength(1);
  });

  it('opens no key that was revoked by hand, before it was replaced or after', async () => {
    const [before, after, last] = [generateKey(), generateKey(), generateKey()];
    await start(before);
    expect(await revokeKey(muster.store, prefixOf(before))).toBe(true);
    await start(after);
    await start(last);
    expect(await revokeKey(muster.store, prefixOf(after))).toBe(true);
    for (const key of [before, after]) {
      await start(key);
      expect(await status(key)).toBe(401);
    }
  });

  it('takes over a key that was made with keys create, and revokes it when it changes again', async () => {
    const created = (await admin('keys', 'create', '--environment', 'default')).trim();
    await start(created);
    await start(generateKey());
    expect(await status(created)).toBe(401);
  });

  it('takes no key of another environment', async () => {
    const { key } = await muster.addEnvironment('other');
    await start(key);
    await start(generateKey());
    expect(await status(key)).toBe(200);
  });
});

describe('keys rotate', () => {
  it('makes a key of the same environment and scope and lets the old one end after the overlap', async () => {
    const { environmentId, key } = await muster.addEnvironment('rotated');
    const readOnly = (await admin('keys', 'create', '--environment', 'rotated', '--scope', 'read')).trim();
    const text = await admin('keys', 'rotate', prefixOf(readOnly), '--overlap', '2h');
    expect(text).toMatch(/^mst_[\w-]{43}\n$/);
    const made = text.trim();
    expect([await status(readOnly), await status(made), await status(key)]).toEqual([200, 200, 200]);
    const listed = await listKeys(muster.store, environmentId);
    expect(listed.find(({ prefix }) => prefix === prefixOf(made))).toMatchObject({ scope: 'read' });
    const end = /^open until (.+)$/.exec(await stateOf(readOnly))?.[1] ?? '';
    expect(Math.abs(new Date(end).getTime() - Date.now() - 7_200_000)).toBeLessThan(60_000);
  });

  it('takes a day when no overlap is given, and never moves an end further away', async () => {
    const { key } = await muster.addEnvironment('twice');
    await admin('keys', 'rotate', prefixOf(key), '--overlap', '30m');
    const before = await stateOf(key);
    await admin('keys', 'rotate', prefixOf(key));
    expect(await stateOf(key)).toBe(before);
  });

  it('refuses the old key from the moment of its end on, also to those who were let in a moment ago', async () => {
    const { key } = await muster.addEnvironment('ending');
    const { job_id: jobId } = await muster.importRows([{ user_id: 'a' }], key);
    const made = (await admin('keys', 'rotate', prefixOf(key), '--overlap', '2s')).trim();
    const job = `${JOBS}/${jobId}`;
    expect((await muster.get(job, key)).status).toBe(200);
    const end = new Date(/^open until (.+)$/.exec(await stateOf(key))?.[1] ?? '').getTime();
    await waitFor('the end of the key', async () => {
      const askedMs = Date.now();
      const answer = await muster.get(job, key);
      // The database rounds the end to a millisecond.
      if (askedMs > end + 5) expect(answer.status).toBe(401);
      return answer.status === 401 && Date.now() >= end - 5;
    });
    expect(await status(key)).toBe(401);
    expect(await stateOf(key)).toMatch(/^expired /);
    expect(await status(made)).toBe(200);
    await expect(admin('keys', 'rotate', prefixOf(key))).rejects.toThrow('no open key');
  });

  it('revokes the old key at once with an overlap of 0', async () => {
    const { key } = await muster.addEnvironment('now');
    const made = (await admin('keys', 'rotate', prefixOf(key), '--overlap', '0')).trim();
    expect([await status(key), await status(made)]).toEqual([401, 200]);
    expect(await stateOf(key)).toMatch(/^revoked /);
  });

  it('keeps the overlap when API_KEY is then set to the new key', async () => {
    const old = generateKey();
    await start(old);
    const made = (await admin('keys', 'rotate', prefixOf(old), '--overlap', '1h')).trim();
    await start(made);
    expect([await status(old), await status(made)]).toEqual([200, 200]);
  });

  it.each(['', 'x', '1', '-1h', '1.5h', '366d', '24 h', '999999999999h', '1w'])(
    'refuses an overlap of "%s"',
    async (overlap) => {
      const rotation = admin('keys', 'rotate', prefixOf(muster.key), `--overlap=${overlap}`);
      await expect(rotation).rejects.toThrow('--overlap is 0 or a number');
      expect(await status(muster.key)).toBe(200);
    },
  );

  it.each([[[]], [['a', 'b']], [['a', '--nonsense']]])('refuses the words %j', async (words) => {
    await expect(admin('keys', 'rotate', ...words)).rejects.toThrow();
  });
});
