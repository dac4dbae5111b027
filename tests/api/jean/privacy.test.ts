/** Texts about people: gone with the user and with the environment, kept as long as is set, and never logged or repeated. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pino from 'pino';
import { serveApi } from '#apps/api/serve';
import { describeError } from '#logger';
import { deleteOldContexts } from '#store/context-retention';
import { beginDeletion, EnvironmentDeletion } from '#store/delete-environment';
import { asOwner } from '../../support/database';
import { type Muster, startMuster } from '../../support/muster';
import { findTraces } from '../../support/traces';
import { putExamples, send } from './jean';

const NAME = 'Zebulon Quarrington';
const TEXT = `My name is ${NAME}. I am 32 and vegan.`;

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster({ workers: 0 });
  await putExamples(muster);
});
afterAll(() => muster.close());

const upsert = (id: string, key = muster.key) =>
  send(
    muster,
    'POST',
    '/v1/users',
    {
      user_id: id,
      domain: 'dating',
      context: TEXT,
      fields: { note: NAME, location: NAME },
      memory_ref: 'mem://zebulon-ref',
    },
    { key },
  );
const explain = async (id: string) =>
  (await send(muster, 'GET', `/v1/users/${id}?domain=dating&explain=true`)).body;

const JEAN_TABLES = ['domain_users', 'domain_contexts', 'domain_embeddings'];
async function countRows(environmentId: number, tables = JEAN_TABLES): Promise<number[]> {
  const counts: number[] = [];
  for (const table of tables) {
    const { rowCount } = await muster.store.pool.query(`SELECT FROM ${table} WHERE environment_id = $1`, [
      environmentId,
    ]);
    counts.push(rowCount ?? 0);
  }
  return counts;
}

it('erasing a user removes texts, fields, extras and vectors of all domains', async () => {
  const { key, environmentId } = await muster.addEnvironment('erased');
  await putExamples(muster, { key });
  await upsert('erased-user', key);
  await send(
    muster,
    'POST',
    '/v1/context',
    { user_id: 'erased-user', domain: 'hiring', context: `${NAME} knows Python.` },
    { key },
  );
  await send(muster, 'GET', '/v1/users/erased-user/similar?domain=hiring', undefined, { key });
  expect(await countRows(environmentId)).toEqual([2, 2, 2]);
  expect(await findTraces(muster.store.pool, NAME)).not.toEqual([]);
  await send(muster, 'DELETE', '/v1/users', { users: ['erased-user'] }, { key });
  expect(await countRows(environmentId)).toEqual([0, 0, 0]);
  for (const trace of [NAME, 'erased-user', 'zebulon-ref']) {
    const found = await findTraces(muster.store.pool, trace);
    // The note of the erasure goes when the worker has scrubbed older jobs.
    expect(found.filter((table) => table !== 'public.erasures')).toEqual([]);
  }
  expect((await send(muster, 'GET', '/v1/users/erased-user?domain=dating', undefined, { key })).status).toBe(
    404,
  );
});

it('deleting an environment removes schemas and everything of its users', async () => {
  const { key, environmentId } = await muster.addEnvironment('deleted');
  await putExamples(muster, { key });
  await upsert('u', key);
  await beginDeletion(muster.store, 'deleted');
  const deletion = new EnvironmentDeletion(muster.store);
  while ((await deletion.step()) === 'more');
  expect(await countRows(environmentId, [...JEAN_TABLES, 'domain_schemas', 'users'])).toEqual([
    0, 0, 0, 0, 0,
  ]);
});

it('raw texts go after the days that are set; what was extracted stays, and newer texts do', async () => {
  await upsert('kept');
  const age =
    "UPDATE domain_contexts SET received_at = received_at - interval '10 days' WHERE user_id = 'kept'";
  await muster.store.pool.query(age);
  await send(muster, 'POST', '/v1/context', { user_id: 'kept', domain: 'dating', context: 'I love yoga.' });
  expect(await deleteOldContexts(muster.store, 11)).toBe(false);
  expect((await explain('kept')).contexts).toHaveLength(2);
  await deleteOldContexts(muster.store, 9);
  const { fields, contexts, provenance } = await explain('kept');
  expect(fields).toMatchObject({ age: 32, diet: 'vegan', interests: ['yoga'] });
  expect(contexts.map(({ text }: { text: string }) => text)).toEqual(['I love yoga.']);
  expect(provenance.age.spans).toEqual([{ start: expect.any(Number), end: expect.any(Number), text: null }]);
  const { rows } = await muster.store.pool.query(
    "SELECT context_characters FROM domain_users WHERE user_id = 'kept'",
  );
  expect(rows).toEqual([{ context_characters: 'I love yoga.'.length }]);
});

it('no log line and no error shows a text, a value or an id', async () => {
  const written: string[] = [];
  const options = { level: 'trace', serializers: { err: describeError }, errorKey: 'err' };
  const logger = pino(options, { write: (line: string) => void written.push(line) });
  const api = await serveApi({ ...muster, logger });
  try {
    const call = { url: api.url };
    const body = { user_id: `id-${NAME}`, domain: 'dating', context: TEXT, fields: { age: NAME } };
    const refused = await send(muster, 'POST', '/v1/users', body, call);
    expect(refused.status).toBe(400);
    expect(refused.text).not.toContain('Zebulon');
    expect((await send(muster, 'POST', '/v1/users', { ...body, fields: { note: NAME } }, call)).status).toBe(
      200,
    );
    await asOwner(muster.databaseUrl, 'ALTER TABLE domain_users RENAME TO domain_users_gone');
    const failed = await send(
      muster,
      'POST',
      '/v1/context',
      { user_id: body.user_id, domain: 'dating', context: TEXT },
      call,
    );
    await asOwner(muster.databaseUrl, 'ALTER TABLE domain_users_gone RENAME TO domain_users');
    expect({ status: failed.status, code: failed.body.error.code }).toEqual({
      status: 500,
      code: 'internal',
    });
    expect(failed.text).not.toContain('Zebulon');
  } finally {
    await api.close();
  }
  expect(written.join('')).toContain('"status":400');
  expect(written.join('')).not.toContain('Zebulon');
});
