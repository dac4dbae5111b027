/** Whatever ways users come in and go, what is stored is what a plain model has, applied one after another. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Muster, startMuster } from '../support/muster';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

interface ModelUser {
  company: string | null;
  metadata: Record<string, unknown>;
  memory?: unknown;
}
type Model = Map<string, ModelUser>;

interface Row {
  user_id: string;
  company_id?: string | null;
  metadata: Record<string, string | number | null>;
}

type Step =
  | { kind: 'import'; rows: Row[] }
  | { kind: 'identify'; row: Row }
  | { kind: 'profile'; users: { id: string; memory: object }[] }
  | { kind: 'delete'; ids: string[] };

const id = fc.constantFrom('a', 'b', 'c', 'd');
const row: fc.Arbitrary<Row> = fc.record(
  {
    user_id: id,
    company_id: fc.constantFrom('x', 'y', null),
    metadata: fc.dictionary(
      fc.constantFrom('k', 'l', 'm'),
      fc.constantFrom<string | number | null>(1, 2, 'v', null),
    ),
  },
  { requiredKeys: ['user_id', 'metadata'] },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('import' as const), rows: fc.array(row, { minLength: 1, maxLength: 6 }) }),
  fc.record({ kind: fc.constant('identify' as const), row }),
  fc.record({
    kind: fc.constant('profile' as const),
    users: fc.array(fc.record({ id, memory: fc.dictionary(fc.constantFrom('p', 'q'), fc.nat(9)) }), {
      minLength: 1,
      maxLength: 4,
    }),
  }),
  fc.record({
    kind: fc.constant('delete' as const),
    ids: fc.uniqueArray(id, { minLength: 1, maxLength: 2 }),
  }),
);

function mergeInto(model: Model, { user_id, company_id, metadata }: Row): void {
  const user = model.get(user_id) ?? { company: null, metadata: {} };
  for (const [key, value] of Object.entries(metadata)) {
    if (value === null) delete user.metadata[key];
    else user.metadata[key] = value;
  }
  if (company_id !== undefined) user.company = company_id;
  model.set(user_id, user);
}

function applyTo(model: Model, one: Step): void {
  if (one.kind === 'import') for (const each of one.rows) mergeInto(model, each);
  else if (one.kind === 'identify') mergeInto(model, one.row);
  else if (one.kind === 'delete') for (const each of one.ids) model.delete(each);
  else {
    for (const { id: user, memory } of one.users) {
      model.set(user, { ...(model.get(user) ?? { company: null, metadata: {} }), memory });
    }
  }
}

async function send(method: string, path: string, body: unknown, key: string): Promise<void> {
  const answer = await fetch(`${muster.url}${path}`, {
    method,
    headers: { Authorization: `Token ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect([200, 202]).toContain(answer.status);
  await answer.text();
}

async function run(one: Step, slug: string, key: string): Promise<void> {
  if (one.kind === 'import') await muster.importRows(one.rows, key);
  else if (one.kind === 'delete') await send('DELETE', '/v1/users', { users: one.ids }, key);
  else if (one.kind === 'profile') {
    const users = one.users.map(({ id: external_user_id, memory }) => ({ external_user_id, memory }));
    await send('POST', `/api/v1/${slug}/profiles/`, { users }, key);
  } else {
    const { company_id, ...rest } = one.row;
    // Identify names a company as an object; it cannot detach one but as a row does.
    const company = typeof company_id === 'string' ? { company: { id: company_id } } : { company_id };
    await send('POST', '/v1/identify', { ...rest, ...company }, key);
  }
}

it('imports, identify calls, profiles and deletions in any order leave what the model has', async () => {
  let environments = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      const slug = `model-${environments++}`;
      const { environmentId, key } = await muster.addEnvironment(slug);
      const model: Model = new Map();
      for (const one of steps) {
        await run(one, slug, key);
        applyTo(model, one);
      }
      const { rows } = await muster.store.pool.query<{ id: string } & ModelUser>(
        'SELECT user_id AS id, company_id AS company, metadata, memory FROM users WHERE environment_id = $1',
        [environmentId],
      );
      const stored = Object.fromEntries(
        rows.map(({ id: user, company, metadata, memory }) => [
          user,
          { company, metadata, ...(memory !== null && { memory }) },
        ]),
      );
      expect(stored).toEqual(Object.fromEntries(model));
    }),
    { numRuns: 25 },
  );
});
