/** The set-based upsert does what applying the rows one after another would do, and records it row by row. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AcceptedRow } from '#job/row';
import { upsertRows } from '#store/upsert-rows';
import { type Muster, startMuster } from '../support/muster';

let muster: Muster;
let environments = 0;
beforeAll(async () => {
  muster = await startMuster({ workers: 0 });
});
afterAll(() => muster.close());

interface Stored {
  companyId: string | null;
  metadata: Record<string, string>;
}

/** The rule, as plainly as it can be said. Values are JSON texts, so that 1.0 and 1.00 differ. */
function applyOne(users: Map<string, Stored>, row: AcceptedRow, patch: [string, string][]): string {
  const before = users.get(row.id);
  const metadata = { ...before?.metadata };
  for (const [key, value] of patch) {
    if (value === 'null') delete metadata[key];
    else metadata[key] = value;
  }
  const after = {
    companyId: row.companyId === undefined ? (before?.companyId ?? null) : row.companyId,
    metadata,
  };
  users.set(row.id, after);
  if (before === undefined) return 'created';
  const sorted = (stored: Stored) =>
    JSON.stringify([stored.companyId, Object.entries(stored.metadata).sort()]);
  return sorted(before) === sorted(after) ? 'unchanged' : 'updated';
}

const patches = fc.uniqueArray(
  fc.tuple(
    fc.constantFrom('a', 'b', 'c'),
    fc.constantFrom('1', '1.0', '1.00', '"x"', 'true', 'null', '9007199254740993'),
  ),
  { selector: ([key]) => key, maxLength: 3 },
);
const rowsOfFewIds = fc.array(
  fc.record({
    id: fc.constantFrom('u1', 'u2', 'U1', ' u1', 'ü'),
    companyId: fc.constantFrom(undefined, null, 'c1', 'c2'),
    patch: patches,
  }),
  { minLength: 1, maxLength: 25 },
);

describe('the upsert', () => {
  it('folds rows of the same id in order, for any rows and any cutting into slices', async () => {
    await fc.assert(
      fc.asyncProperty(rowsOfFewIds, fc.integer({ min: 1, max: 25 }), async (inputs, sliceSize) => {
        const job = await newJob();
        const users = new Map<string, Stored>();
        const rows = inputs.map(({ id, companyId, patch }, index): AcceptedRow => {
          const metadata = `{${patch.map(([key, value]) => `"${key}":${value}`).join(',')}}`;
          return { row: index + 1, id, companyId, metadata };
        });
        const expected = rows.map((row, index) => applyOne(users, row, inputs[index]?.patch ?? []));
        for (let first = 0; first < rows.length; first += sliceSize) {
          await muster.store.transaction((tx) => upsertRows(tx, job, rows.slice(first, first + sliceSize)));
        }
        expect(await readOutcomes(job)).toEqual(expected);
        expect(await readUsers(job.environmentId)).toEqual(users);
      }),
      { numRuns: 60 },
    );
  });

  it('leaves unchanged rows alone: no new version of them', async () => {
    const first = await newJob();
    const rows = Array.from({ length: 50 }, (_, n): AcceptedRow => {
      return { row: n + 1, id: `u${n}`, companyId: 'c', metadata: `{"n":${n}.50}` };
    });
    await muster.store.transaction((tx) => upsertRows(tx, first, rows));
    const versions =
      'SELECT user_id, xmin::text, updated_at FROM users WHERE environment_id = $1 ORDER BY user_id';
    const before = await muster.store.pool.query(versions, [first.environmentId]);
    const again = { ...first, id: randomUUID() };
    const counts = await muster.store.transaction((tx) => upsertRows(tx, again, rows));
    expect(counts).toEqual({ created: 0, updated: 0, unchanged: 50, failed: 0 });
    const after = await muster.store.pool.query(versions, [first.environmentId]);
    expect(after.rows).toEqual(before.rows);
  });

  it('loses nothing beside another writer of the same users', async () => {
    const job = await newJob();
    const counters = (n: number): AcceptedRow[] =>
      Array.from({ length: 20 }, (_, id) => ({
        row: n * 20 + id + 1,
        id: `u${id}`,
        companyId: undefined,
        metadata: `{"bulk${n}":${n}}`,
      }));
    const single = async (n: number, id: number) => {
      const row = { row: 1, id: `u${id}`, companyId: undefined, metadata: `{"single${n}":${n}}` };
      await muster.store.transaction((tx) => upsertRows(tx, { ...job, id: randomUUID() }, [row]));
    };
    await Promise.all([
      ...Array.from({ length: 5 }, (_, n) =>
        muster.store.transaction((tx) => upsertRows(tx, job, counters(n))),
      ),
      ...Array.from({ length: 40 }, (_, n) => single(n % 2, n % 20)),
    ]);
    const users = await readUsers(job.environmentId);
    expect(users.size).toBe(20);
    for (const [id, { metadata }] of users) {
      const parity = Number(id.slice(1)) % 2;
      expect(Object.keys(metadata).sort()).toEqual(
        ['bulk0', 'bulk1', 'bulk2', 'bulk3', 'bulk4', `single${parity}`].sort(),
      );
    }
  });
});

async function newJob() {
  const { environmentId } = await muster.addEnvironment(`e${environments++}`);
  return { id: randomUUID(), environmentId, entity: 'user' as const };
}

async function readOutcomes(job: { id: string; environmentId: number }): Promise<string[]> {
  const { rows } = await muster.store.pool.query<{ outcome: string }>(
    'SELECT outcome FROM row_results WHERE environment_id = $1 AND job_id = $2 ORDER BY row',
    [job.environmentId, job.id],
  );
  return rows.map(({ outcome }) => outcome);
}

async function readUsers(environmentId: number): Promise<Map<string, Stored>> {
  const { rows } = await muster.store.pool.query<{
    id: string;
    companyId: string | null;
    metadata: [string, string][];
  }>(
    `SELECT user_id AS id, company_id AS "companyId",
            ARRAY(SELECT ARRAY[key, value::text] FROM jsonb_each(metadata)) AS metadata
     FROM users WHERE environment_id = $1`,
    [environmentId],
  );
  return new Map(
    rows.map(({ id, companyId, metadata }) => [id, { companyId, metadata: Object.fromEntries(metadata) }]),
  );
}
