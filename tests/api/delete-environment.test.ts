/** An environment that is deleted is gone as a whole: its keys at once, its jobs, its rows of every table, and its slug is free. */

import { once } from 'node:events';
import http from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { COMMANDS } from '#apps/admin/commands';
import { provisionKeys } from '#apps/provision';
import { createLogger } from '#logger';
import { readSettings } from '#settings/settings';
import { EnvironmentDeletion } from '#store/delete-environment';
import { type Muster, startMuster } from '../support/muster';
import { countOrphans } from '../support/orphans';
import { countSpoolFiles } from '../support/spool-files';
import { waitFor } from '../support/wait';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

const logger = createLogger('test', 'silent');
const settingsWith = (variables: Record<string, string>) =>
  readSettings({ DATABASE_URL: muster.databaseUrl, ...variables });

function run(words: string, variables: Record<string, string> = {}): Promise<string> {
  const [group, action, ...rest] = words.split(' ');
  const command = COMMANDS[`${group} ${action}`];
  if (command === undefined) throw new Error(`no command ${words}`);
  return command(muster.store, rest, settingsWith(variables), () => undefined);
}

async function isGone(slug: string): Promise<boolean> {
  return !(await run('environments list')).split('\n').some((line) => line.startsWith(`${slug}\t`));
}

async function countRows(environmentId: number): Promise<number> {
  const tables = Object.keys(await countOrphans(muster.store.pool));
  const counts = tables.map(
    (table) => `SELECT count(*) AS n FROM "${table}" WHERE environment_id = ${environmentId}`,
  );
  const { rows } = await muster.store.pool.query(
    `SELECT sum(n)::int AS n FROM (${counts.join(' UNION ALL ')}) c`,
  );
  return rows[0]?.n;
}

/** Every table has rows of it, as far as clients and crashes can bring that about. */
async function fill(
  slug: string,
): Promise<{ environmentId: number; key: string; running: string; waiting: string }> {
  const { environmentId, key } = await muster.addEnvironment(slug);
  await muster.importRows(
    Array.from({ length: 3_000 }, (_, n) => ({ user_id: `u${n}`, metadata: { plan: 'pro' } })),
    key,
  );
  const { body: companies } = await muster
    .post('/v1/companies/bulk_identify', key)
    .set('Idempotency-Key', slug)
    .send({ companies: [{ company_id: 'acme' }, { company_id: 5 }] })
    .expect(202);
  await muster.finished(companies.job_id, key);
  await fetch(`${muster.url}/v1/users`, {
    method: 'DELETE',
    headers: { Authorization: `Token ${key}`, 'Content-Type': 'application/json' },
    body: '{"users":["u1"]}',
  });
  const { pool } = muster.store;
  await pool.query('UPDATE environments SET users_per_minute = 60 WHERE id = $1', [environmentId]);
  const users = Array.from({ length: 500 }, (_, n) => ({ user_id: `r${n}` }));
  const { body: running } = await muster.post(undefined, key).send({ users }).expect(202);
  const { body: waiting } = await muster
    .post('/v1/users/bulk_identify?on_busy=queue', key)
    .send({ users })
    .expect(202);
  await waitFor('the first rows', async () => {
    return (await muster.get(`/v1/background_jobs/${running.job_id}`, key)).body.created_rows > 0;
  });
  // As an API leaves it that is killed within an upload, and as a dry run leaves it that never ends.
  await pool.query('INSERT INTO uploads (job_id, environment_id) VALUES (gen_random_uuid(), $1)', [
    environmentId,
  ]);
  await pool.query(
    `INSERT INTO staged_rows (environment_id, job_id, row, raw)
     SELECT environment_id, job_id, n, 'x' FROM uploads, generate_series(1, 700) AS n WHERE environment_id = $1`,
    [environmentId],
  );
  await pool.query(
    "INSERT INTO dry_run_profiles (environment_id, job_id, id, metadata) VALUES ($1, gen_random_uuid(), 'd', '{}')",
    [environmentId],
  );
  return { environmentId, key, running: running.job_id, waiting: waiting.job_id };
}

describe('deleting an environment', () => {
  it('closes its keys at once, ends its jobs, leaves no row in any table, and frees the slug', async () => {
    const { key: otherKey } = await muster.addEnvironment('neighbour');
    const kept = await muster.importRows([{ user_id: 'stays' }], otherKey);
    const { environmentId, key, running } = await fill('leaving');
    expect(await run('environments delete leaving --confirm leaving')).toContain('is being deleted');
    for (const path of ['/v1/users', `/v1/background_jobs/${running}`, '/v1/properties']) {
      await muster.get(path, key).expect(401);
    }
    await muster
      .post(undefined, key)
      .send({ users: [{ user_id: 'late' }] })
      .expect(401);
    await waitFor('the end of the environment', () => isGone('leaving'));
    expect(await countRows(environmentId)).toBe(0);
    const orphans = await countOrphans(muster.store.pool);
    expect(Object.keys(orphans).length).toBeGreaterThan(10);
    expect(Object.values(orphans).every((n) => n === 0)).toBe(true);
    await muster.get('/v1/users/stays', otherKey).expect(200);
    expect(await muster.results(kept.job_id, '', otherKey)).toHaveLength(1);
    await run('environments create leaving');
    const again = (await run('keys create --environment leaving')).trim();
    expect((await muster.get('/v1/users', again).expect(200)).body).toEqual([]);
    await muster.get('/v1/users', key).expect(401);
  });

  it('goes on where a worker was killed', async () => {
    const workerless = await startMuster({ workers: 0 });
    try {
      const { environmentId, key } = await workerless.addEnvironment('halfway');
      const users = Array.from({ length: 400 }, (_, n) => ({ user_id: `u${n}` }));
      await workerless.post(undefined, key).send({ users }).expect(202);
      const command = COMMANDS['environments delete'];
      await command?.(
        workerless.store,
        ['halfway', '--confirm', 'halfway'],
        settingsWith({}),
        () => undefined,
      );
      const first = new EnvironmentDeletion(workerless.store);
      for (let n = 0; n < 3; n++) expect(await first.step()).toBe('more');
      const left = await workerless.store.pool.query('SELECT FROM staged_rows WHERE environment_id = $1', [
        environmentId,
      ]);
      expect(left.rowCount).toBeGreaterThan(0);
      const second = new EnvironmentDeletion(workerless.store);
      let step = await second.step();
      while (step === 'more') step = await second.step();
      expect(step).toEqual({ deleted: 'halfway' });
      expect(await second.step()).toBe('nothing to do');
      expect(Object.values(await countOrphans(workerless.store.pool)).every((n) => n === 0)).toBe(true);
    } finally {
      await workerless.close();
    }
  });

  it('refuses an upload that is on its way, and leaves nothing of it', async () => {
    const { key } = await muster.addEnvironment('uploading');
    const request = http.request(`${muster.url}/v1/users/bulk_identify`, {
      method: 'POST',
      headers: {
        Authorization: `Token ${key}`,
        'Content-Type': 'application/x-ndjson',
        'Idempotency-Key': 'upload',
      },
    });
    const answered = once(request, 'response') as Promise<[http.IncomingMessage]>;
    const row = (n: number) => `{"user_id":"u${n}","metadata":{"text":"${'x'.repeat(10_000)}"}}\n`;
    for (let n = 0; n < 200; n++) request.write(row(n));
    await waitFor('the first rows', () => countSpoolFiles() === 1);
    await run('environments delete uploading --confirm uploading');
    await waitFor('the end of the environment', () => isGone('uploading'));
    for (let n = 200; n < 400; n++) request.write(row(n));
    request.end();
    const [answer] = await answered;
    expect(answer.statusCode).toBe(401);
    answer.resume();
    expect(Object.values(await countOrphans(muster.store.pool)).every((n) => n === 0)).toBe(true);
  });

  it('is asked for twice: by its slug, and by its slug again', async () => {
    await muster.addEnvironment('careful');
    await expect(run('environments delete careful --confirm carefull')).rejects.toThrow('does not match');
    await expect(run('environments delete careful')).rejects.toThrow('Not a terminal');
    await expect(run('environments delete')).rejects.toThrow('takes one SLUG');
    await expect(run('environments delete careful --force')).rejects.toThrow();
    await expect(run('environments delete nobody --confirm nobody')).rejects.toThrow(
      'There is no environment',
    );
    expect(await run('environments list')).toMatch(/^careful\t\S+\tactive$/m);
  });

  it('is shown in the list, and nothing is added to it any more', async () => {
    const workerless = await startMuster({ workers: 0 });
    try {
      await workerless.addEnvironment('fading');
      const call = (name: string, words: string[]) =>
        COMMANDS[name]?.(workerless.store, words, settingsWith({}), () => undefined);
      await call('environments delete', ['fading', '--confirm', 'fading']);
      expect(await call('environments list', [])).toMatch(/^fading\t\S+\tbeing deleted since \S+$/m);
      expect(await call('environments delete', ['fading'])).toContain('is being deleted since');
      await expect(call('environments create', ['fading'])).rejects.toThrow('is being deleted');
      await expect(call('keys create', ['--environment', 'fading'])).rejects.toThrow('is being deleted');
    } finally {
      await workerless.close();
    }
  });

  it('of the default environment is refused while a start would create it again', async () => {
    const words = 'environments delete default --confirm default';
    await expect(run(words, { API_KEY: 'a-key-of-the-settings' })).rejects.toThrow('belongs to API_KEY');
    await expect(run(words, { DATABASE_URL: '' })).rejects.toThrow('DATA_DIR/api-key');
    const { store, close } = await startMuster({ workers: 0 });
    try {
      await COMMANDS['environments delete']?.(
        store,
        ['default', '--confirm', 'default'],
        settingsWith({}),
        () => undefined,
      );
      const provision = provisionKeys(store, { apiKey: 'a-key-of-the-settings', production: false }, logger);
      await expect(provision).rejects.toThrow('is being deleted');
    } finally {
      await close();
    }
  });
});
