/** The set-based upsert does what applying the rows one after another would do, and records it row by row. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EXISTING_MODES, type ImportOptions, METADATA_MODES, type UpsertJob } from '#job/options';
import type { AcceptedRow } from '#job/row';
import { LostRaceError } from '#store/faults';
import { digestRow } from '#store/row-digest';
import { upsertRows } from '#store/upsert-rows';
import { asOwner } from '../support/database';
import { type Muster, startMuster } from '../support/muster';
import { waitFor } from '../support/wait';

let muster: Muster;
let environments = 0;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

interface Stored {
  companyId: string | null;
  metadata: Record<string, string>;
}

/** The rule, as plainly as it can be said. Values are JSON texts, so that 1.0 and 1.00 differ. */
function applyOne(
  users: Map<string, Stored>,
  { id, companyId, patch }: Input,
  { metadataMode, existingMode }: ImportOptions,
): string {
  const before = users.get(id);
  if (existingMode === 'create_only' && before !== undefined) return 'failed';
  if (existingMode === 'update_only' && before === undefined) return 'failed';
  const metadata = metadataMode === 'merge' ? { ...before?.metadata } : {};
  for (const [key, value] of patch) {
    if (value === 'null') delete metadata[key];
    else metadata[key] = value;
  }
  const after = {
    companyId: companyId === undefined ? (before?.companyId ?? null) : companyId,
    metadata,
  };
  users.set(id, after);
  if (before === undefined) return 'created';
  const sorted = (stored: Stored) =>
    JSON.stringify([stored.companyId, Object.entries(stored.metadata).sort()]);
  return sorted(before) === sorted(after) ? 'unchanged' : 'updated';
}

const OPTIONS: ImportOptions = { dryRun: false, metadataMode: 'merge', existingMode: 'upsert' };
const anyOptions = fc.record({
  dryRun: fc.boolean(),
  metadataMode: fc.constantFrom(...METADATA_MODES),
  existingMode: fc.constantFrom(...EXISTING_MODES),
});

const patches = fc.uniqueArray(
  fc.tuple(
    fc.constantFrom('a', 'b', 'c'),
    fc.constantFrom('1', '1.0', '1.00', '"x"', 'true', 'null', '9007199254740993'),
  ),
  { selector: ([key]) => key, maxLength: 3 },
);
const rowOfFewIds = fc.record({
  id: fc.constantFrom('u1', 'u2', 'U1', ' u1', 'ü'),
  companyId: fc.constantFrom(undefined, null, 'c1', 'c2'),
  patch: patches,
});
const rowsOfFewIds = fc.array(rowOfFewIds, { minLength: 1, maxLength: 25 });

interface Input {
  id: string;
  companyId: string | null | undefined;
  patch: [string, string][];
}

async function applyInputs(job: UpsertJob, inputs: readonly Input[], size: number): Promise<void> {
  const rows = inputs.map(({ id, companyId, patch }, index): AcceptedRow => {
    const metadata = `{${patch.map(([key, value]) => `"${key}":${value}`).join(',')}}`;
    const isWhole = patch.length % 2 === 0;
    const json = isWhole ? `{ "metadata" : ${metadata}, "user_id": "another"}` : metadata;
    return row(index + 1, id, json, { isWhole, companyId }, job);
  });
  for (let first = 0; first < rows.length; first += size) {
    await muster.store.transaction((tx) => upsertRows(tx, job, rows.slice(first, first + size)));
  }
}

/** Does the same to the model. Returns the outcome of each row. */
function foldInputs(users: Map<string, Stored>, job: UpsertJob, inputs: readonly Input[]): string[] {
  return inputs.map((input) => applyOne(users, input, job));
}

describe('the upsert', () => {
  it('folds rows of the same id in order, for any imports after each other, any modes, any cutting into slices and others who write in between; a dry run foretells it', async () => {
    const anyImport = fc.record({
      inputs: fc.oneof(rowsOfFewIds, fc.uniqueArray(rowOfFewIds, { selector: ({ id }) => id, minLength: 1 })),
      // As in a nightly export.
      isResent: fc.boolean(),
      options: fc.oneof(fc.constant(OPTIONS), anyOptions),
      size: fc.integer({ min: 1, max: 25 }),
      // What someone does with SQL before the import, to the users whose id is not greater.
      edit: fc.option(fc.record({ upTo: fc.constantFrom('U1', 'u1', 'u2'), a: fc.constantFrom('1', '1.0') })),
    });
    await fc.assert(
      fc.asyncProperty(
        rowsOfFewIds,
        fc.array(anyImport, { minLength: 1, maxLength: 5 }),
        async (stored, imports) => {
          const first = await newJob();
          const { environmentId } = first;
          const users = new Map<string, Stored>();
          await applyInputs(first, stored, 25);
          foldInputs(users, first, stored);
          let before = stored;
          for (const { inputs, isResent, options, size, edit } of imports) {
            if (edit !== null) {
              const text = `UPDATE users SET metadata = metadata || $3::jsonb WHERE environment_id = $1 AND user_id <= $2 COLLATE "C"`;
              await muster.store.pool.query(text, [environmentId, edit.upTo, `{"a":${edit.a}}`]);
              for (const [id, user] of users) {
                if (id <= edit.upTo) users.set(id, { ...user, metadata: { ...user.metadata, a: edit.a } });
              }
            }
            const rows = isResent ? before : inputs;
            const job = { ...first, ...options, id: randomUUID() };
            await applyInputs(job, rows, size);
            const after = new Map(users);
            expect(await readOutcomes(job)).toEqual(foldInputs(after, job, rows));
            if (!job.dryRun) for (const [id, user] of after) users.set(id, user);
            expect(await readUsers(environmentId)).toEqual(users);
            before = rows;
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it('leaves unchanged rows alone: no new version of them', async () => {
    const first = await newJob();
    const rows = Array.from({ length: 50 }, (_, n): AcceptedRow => {
      return row(n + 1, `u${n}`, `{"n":${n}.50}`, { companyId: 'c' });
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
      Array.from({ length: 20 }, (_, id) => row(n * 20 + id + 1, `u${id}`, `{"bulk${n}":${n}}`));
    const single = async (n: number, id: number) => {
      const rows = [row(1, `u${id}`, `{"single${n}":${n}}`)];
      await muster.store.transaction((tx) => upsertRows(tx, { ...job, id: randomUUID() }, rows));
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

  it('folds companies as it folds users, without a company of their own', async () => {
    const job = { ...(await newJob()), entity: 'company' as const };
    const patches = ['{"a":1.0}', '{"a":1.00,"b":null}', '{"a":1.00}', '{"a":null}'];
    const rows = patches.map((metadata, n) => row(n + 1, 'c', metadata));
    await muster.store.transaction((tx) => upsertRows(tx, job, rows));
    expect(await readOutcomes(job)).toEqual(['created', 'updated', 'unchanged', 'updated']);
    const { rows: stored } = await muster.store.pool.query(
      'SELECT company_id, metadata::text FROM companies WHERE environment_id = $1',
      [job.environmentId],
    );
    expect(stored).toEqual([{ company_id: 'c', metadata: '{}' }]);
  });

  it('finds a row unchanged that has hundreds of keys and values large enough to be stored out of line', async () => {
    const job = await newJob();
    const numbers = Array.from({ length: 300 }, (_, n) => `"key ${n}":${n}.${'0'.repeat(n % 7)}1`);
    const random = Array.from({ length: 300 }, randomUUID).join('');
    const rows = [
      row(1, 'wide', `{${numbers.join(',')}}`),
      row(2, 'long', `{"a":"${random}","b":"${'x'.repeat(60_000)}","c":1.50}`),
    ];
    await muster.store.transaction((tx) => upsertRows(tx, job, rows));
    const again = { ...job, id: randomUUID() };
    await muster.store.transaction((tx) => upsertRows(tx, again, rows));
    expect(await readOutcomes(again)).toEqual(['unchanged', 'unchanged']);
  });

  it('takes 1.0 to 1.00 for a change, and reads back what came last', async () => {
    const job = await newJob();
    for (const [n, number] of ['1.0', '1.00', '1.00', '1', '1e0'].entries()) {
      await muster.store.transaction((tx) => upsertRows(tx, job, [row(n + 1, 'u', `{"a":${number}}`)]));
      const { metadata } = (await readUsers(job.environmentId)).get('u') as Stored;
      expect(metadata).toEqual({ a: number === '1e0' ? '1' : number });
    }
    expect(await readOutcomes(job)).toEqual(['created', 'updated', 'unchanged', 'updated', 'unchanged']);
  });

  it('gives up, instead of overwriting, when a row has changed since it was read, and the next try applies it', async () => {
    const job = await newJob();
    await muster.store.transaction((tx) => upsertRows(tx, job, [row(1, 'u', '{"n":0}')]));
    const other = await muster.store.pool.connect();
    await other.query('BEGIN');
    const otherPid = (await other.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;
    await other.query(`UPDATE users SET metadata = metadata || '{"other":1}' WHERE environment_id = $1`, [
      job.environmentId,
    ]);
    let tries = 0;
    let firstError: unknown;
    const racing = muster.store.transaction(async (tx) => {
      tries++;
      return upsertRows(tx, job, [row(2, 'u', '{"n":1}')]).catch((error: unknown) => {
        firstError ??= error;
        throw error;
      });
    });
    await waitFor('the upsert to wait for the other writer', async () => {
      const { rows } = await muster.store.pool.query(
        'SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))',
        [otherPid],
      );
      return rows.length > 0;
    });
    await other.query('COMMIT');
    other.release();
    expect(await racing).toMatchObject({ updated: 1 });
    expect(firstError).toBeInstanceOf(LostRaceError);
    expect(tries).toBe(2);
    expect((await readUsers(job.environmentId)).get('u')?.metadata).toEqual({ n: '1', other: '1' });
    expect(await readOutcomes(job)).toEqual(['created', 'updated']);
  });

  it('within a job loses nothing beside single writers of the same users', async () => {
    const ids = Array.from({ length: 200 }, (_, n) => `beside-${n}`);
    const { body } = await muster
      .post()
      .send(
        Array.from({ length: 4_000 }, (_, n) => ({
          user_id: ids[n % 200],
          metadata: { [`k${Math.floor(n / 200)}`]: n },
        })),
      )
      .expect(202);
    const { environmentId } = muster;
    const writer = async (name: string) => {
      for (const [n, id] of ids.entries()) {
        const job = { ...OPTIONS, id: randomUUID(), environmentId, entity: 'user' as const };
        await muster.store.transaction((tx) => upsertRows(tx, job, [row(1, id, `{"${name}":${n}}`)]));
      }
    };
    await Promise.all([writer('first'), writer('second')]);
    const job = await muster.finished(body.job_id);
    expect(job).toMatchObject({ status: 'completed', completed_rows: 4_000, failed_rows: 0 });
    const users = await readUsers(environmentId);
    const all = [...Array.from({ length: 20 }, (_, k) => `k${k}`), 'first', 'second'].sort();
    for (const [n, id] of ids.entries()) {
      const { metadata } = users.get(id) as Stored;
      expect(Object.keys(metadata).sort()).toEqual(all);
      expect(metadata.k19).toBe(String(19 * 200 + n));
    }
  });

  it.each([
    ['a constraint', "ALTER TABLE users ADD CONSTRAINT no_poison CHECK (NOT metadata ? 'poison')"],
    [
      'a trigger',
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         IF NEW.metadata ? 'poison' THEN RAISE EXCEPTION 'canary %', NEW.user_id; END IF; RETURN NEW;
       END $$;
       CREATE TRIGGER no_poison BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION refuse()`,
    ],
  ])(
    'fails only the rows that %s refuses, and folds those around them as if they were not there',
    async (_, refusal) => {
      await asOwner(muster.databaseUrl, refusal);
      const { key, environmentId } = await muster.addEnvironment(`e${environments++}`);
      const poison = new Set([1, 70, 71, 140, 250]);
      // Fifty ids, each five times: a refused row stands before, between and behind rows of its own id.
      const job = await muster.importRows(
        Array.from({ length: 250 }, (_, n) => ({
          user_id: `u${n % 50}`,
          metadata: poison.has(n + 1) ? { poison: n } : { [`k${Math.floor(n / 50)}`]: n },
        })),
        key,
      );
      await asOwner(
        muster.databaseUrl,
        'ALTER TABLE users DROP CONSTRAINT IF EXISTS no_poison; DROP TRIGGER IF EXISTS no_poison ON users',
      );
      expect(job).toMatchObject({ status: 'completed', created_rows: 50, updated_rows: 195, failed_rows: 5 });
      const { rows: failed } = await muster.store.pool.query(
        `SELECT row, id, errors->0->>'code' AS code, errors::text AS errors FROM row_results
       WHERE job_id = $1 AND outcome = 'failed' ORDER BY row`,
        [job.job_id],
      );
      expect(failed.map(({ row, code }) => [row, code])).toEqual(
        [...poison].map((row) => [row, 'storage_error']),
      );
      expect(JSON.stringify(failed)).not.toContain('canary');
      const users = await readUsers(environmentId);
      const expected = (n: number) =>
        [0, 1, 2, 3, 4].filter((k) => !poison.has(k * 50 + n + 1)).map((k) => `k${k}`);
      for (const [id, { metadata }] of users) {
        expect(Object.keys(metadata).sort()).toEqual(expected(Number(id.slice(1))));
      }
    },
  );
});

function row(
  number: number,
  id: string,
  json: string,
  { companyId, isWhole = false }: { companyId?: string | null | undefined; isWhole?: boolean } = {},
  mode: Pick<ImportOptions, 'metadataMode'> = OPTIONS,
): AcceptedRow {
  const patch = { companyId, json, isWhole };
  return { row: number, id, ...patch, hasNulls: true, digest: digestRow(patch, mode) };
}

async function newJob() {
  const { environmentId } = await muster.addEnvironment(`e${environments++}`);
  return { ...OPTIONS, id: randomUUID(), environmentId, entity: 'user' as const };
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
