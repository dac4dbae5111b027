/** A job always ends, whatever is stored and whatever a row does to the database. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EXISTING_MODES, METADATA_MODES, type UpsertJob } from '#job/options';
import type { AcceptedRow } from '#job/row';
import { digestRow } from '#store/row-digest';
import { upsertRows, upsertSomeRows } from '#store/upsert-rows';
import { asOwner } from '../support/database';
import { type Muster, startMuster } from '../support/muster';
import { waitFor } from '../support/wait';

const OPTIONS = { dryRun: false, metadataMode: 'merge', existingMode: 'upsert' } as const;
const SLICE_LIMITS = { batchMs: 400, rowMs: 500 };

let muster: Muster;
let environments = 0;
beforeAll(async () => {
  muster = await startMuster({ sliceLimits: SLICE_LIMITS });
});
afterAll(() => muster.close());

async function newJob(): Promise<UpsertJob> {
  const { environmentId } = await muster.addEnvironment(`bounded-${environments++}`);
  return { ...OPTIONS, id: randomUUID(), environmentId, entity: 'user' };
}

function rowOf(
  number: number,
  id: string,
  json: string,
  mode: Pick<UpsertJob, 'metadataMode'> = OPTIONS,
): AcceptedRow {
  const patch = { companyId: undefined, json, isWhole: false };
  return { row: number, id, ...patch, hasNulls: json.includes('null'), digest: digestRow(patch, mode) };
}

async function outcomes(job: UpsertJob): Promise<string[]> {
  const { rows } = await muster.store.pool.query<{ outcome: string }>(
    `SELECT coalesce(errors -> 0 ->> 'code', outcome::text) AS outcome FROM row_results
     WHERE environment_id = $1 AND job_id = $2 ORDER BY row`,
    [job.environmentId, job.id],
  );
  return rows.map(({ outcome }) => outcome);
}

async function storedTexts(environmentId: number): Promise<Record<string, unknown>> {
  const { rows } = await muster.store.pool.query<{ id: string; metadata: unknown }>(
    'SELECT user_id AS id, metadata FROM users WHERE environment_id = $1',
    [environmentId],
  );
  return Object.fromEntries(rows.map(({ id, metadata }) => [id, metadata]));
}

/** Stores metadata of so many bytes as JSON, in values that cannot be compressed. */
async function storeFat(environmentId: number, users: number, bytes: number): Promise<void> {
  await muster.store.pool.query(
    `INSERT INTO users (environment_id, user_id, metadata)
     SELECT $1, 'fat-' || n, (SELECT jsonb_object_agg('k' || k, (
         SELECT string_agg(md5(random()::text || n || k || m), '') FROM generate_series(1, 1000) m))
       FROM generate_series(1, $3 / 32000) k)
     FROM generate_series(1, $2) n`,
    [environmentId, users, bytes],
  );
}

describe('the cap of what is stored', () => {
  const bytesOf = (metadata: Record<string, unknown>) => Buffer.byteLength(JSON.stringify(metadata));

  /** The rule, one row after another. */
  function model(
    users: Map<string, Record<string, unknown>>,
    job: UpsertJob,
    { id, patch }: { id: string; patch: Record<string, unknown> },
    most: number,
  ): string {
    const before = users.get(id);
    if (job.existingMode === 'create_only' && before !== undefined) return 'already_exists';
    if (job.existingMode === 'update_only' && before === undefined) return 'does_not_exist';
    const after = job.metadataMode === 'merge' ? { ...before } : {};
    for (const [key, value] of Object.entries(patch)) {
      if (value === null) delete after[key];
      else after[key] = value;
    }
    const sorted = (metadata: Record<string, unknown>) => JSON.stringify(Object.entries(metadata).sort());
    if (before !== undefined && sorted(before) === sorted(after)) return 'unchanged';
    const [bytes, had] = [bytesOf(after), before === undefined ? 0 : bytesOf(before)];
    if (bytes > most && bytes > had) return 'metadata_too_large';
    users.set(id, after);
    return before === undefined ? 'created' : 'updated';
  }

  it('refuses exactly the rows that would go beyond it, and later rows go on from what stands, whatever the modes and the cutting', async () => {
    const values = fc.constantFrom<unknown>(null, 1, 'é', 'x'.repeat(20), 'y'.repeat(45), '"\\\n');
    const patch = fc.dictionary(fc.constantFrom('a', 'b', 'é'), values, { noNullPrototype: true });
    const input = fc.record({ id: fc.constantFrom('u1', 'u2', 'u3'), patch });
    const inputs = fc.array(input, { minLength: 1, maxLength: 20 });
    const options = fc.record({
      dryRun: fc.boolean(),
      metadataMode: fc.constantFrom(...METADATA_MODES),
      existingMode: fc.constantFrom(...EXISTING_MODES),
    });
    await fc.assert(
      fc.asyncProperty(
        inputs,
        inputs,
        options,
        fc.integer({ min: 2, max: 120 }),
        fc.integer({ min: 1, max: 20 }),
        async (stored, sent, chosen, most, size) => {
          const first = await newJob();
          const users = new Map<string, Record<string, unknown>>();
          const apply = async (job: UpsertJob, rows: typeof stored, maxProfileBytes: number) => {
            const accepted = rows.map(({ id, patch: of }, n) => rowOf(n + 1, id, JSON.stringify(of), job));
            for (let at = 0; at < accepted.length; at += size) {
              const piece = accepted.slice(at, at + size);
              const bounds = { maxProfileBytes, workBytes: 200 };
              await muster.store.transaction((tx) => upsertRows(tx, job, piece, bounds));
            }
          };
          await apply(first, stored, 1_048_576);
          for (const one of stored) model(users, first, one, 1_048_576);
          const job = { ...first, ...chosen, id: randomUUID() };
          await apply(job, sent, most);
          const after = new Map(users);
          expect(await outcomes(job)).toEqual(sent.map((one) => model(after, job, one, most)));
          const expected = job.dryRun ? users : after;
          expect(await storedTexts(first.environmentId)).toEqual(Object.fromEntries(expected));
        },
      ),
      { numRuns: 100 },
    );
  });

  it('counts a thousand keys after the merge, and lets what an older version has let grow shrink', async () => {
    const job = await newJob();
    const object = (from: number, to: number) =>
      JSON.stringify(Object.fromEntries(Array.from({ length: to - from }, (_, n) => [`key ${from + n}`, 1])));
    const rows = [
      rowOf(1, 'u', object(0, 900)),
      rowOf(2, 'u', object(900, 1_001)),
      rowOf(3, 'u', object(900, 1_000)),
      rowOf(4, 'u', '{"key 0":null,"another":1}'),
      rowOf(5, 'u', '{"one more":1}'),
    ];
    await muster.store.transaction((tx) => upsertRows(tx, job, rows));
    expect(await outcomes(job)).toEqual([
      'created',
      'metadata_too_large',
      'updated',
      'updated',
      'metadata_too_large',
    ]);

    await storeFat(job.environmentId, 1, 2_000_000);
    const later = { ...job, id: randomUUID() };
    for (const [n, json] of [
      '{"new":1}',
      '{"k1":null}',
      '{"k2":"short"}',
      '{"k2":"shorter still"}',
    ].entries()) {
      await muster.store.transaction((tx) => upsertRows(tx, later, [rowOf(n + 1, 'fat-1', json)]));
    }
    expect(await outcomes(later)).toEqual(['metadata_too_large', 'updated', 'updated', 'metadata_too_large']);
  });

  it('takes ten thousand rows of one id upon a large object in one pass each thousand, with little temporary space', async () => {
    const job = await newJob();
    await storeFat(job.environmentId, 1, 900_000);
    const temporary = async () =>
      Number(
        (
          await muster.store.pool.query(
            'SELECT temp_bytes FROM pg_stat_database WHERE datname = current_database()',
          )
        ).rows[0].temp_bytes,
      );
    const before = await temporary();
    for (let first = 0; first < 10_000; first += 1_000) {
      const rows = Array.from({ length: 1_000 }, (_, n) =>
        rowOf(first + n + 1, 'fat-1', `{"n":${first + n}}`),
      );
      await muster.store.transaction((tx) => upsertRows(tx, job, rows));
    }
    expect((await temporary()) - before).toBeLessThan(500_000_000);
    expect(await outcomes(job)).toEqual(Array.from({ length: 10_000 }, () => 'updated'));
    expect(await storedTexts(job.environmentId)).toMatchObject({ 'fat-1': { n: 9_999 } });
  }, 60_000);
});

it('one statement takes no more rows than the bytes that are stored under their ids allow', async () => {
  const job = await newJob();
  await storeFat(job.environmentId, 20, 320_000);
  const rows = Array.from({ length: 20 }, (_, n) => rowOf(n + 1, `fat-${n + 1}`, '{"new":1}'));
  const bounds = { maxProfileBytes: 1_048_576, workBytes: 1_000_000 };
  const { rows: applied } = await muster.store.transaction((tx) => upsertSomeRows(tx, job, rows, bounds));
  expect(applied).toBe(3);
});

describe('a row that the database cannot do in time', () => {
  beforeAll(() =>
    asOwner(
      muster.databaseUrl,
      `CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         IF NEW.metadata ? 'slow' THEN PERFORM pg_sleep(30); END IF; RETURN NEW;
       END $$;
       CREATE TRIGGER dawdles BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION dawdle()`,
    ),
  );

  it('is halved for until it is alone, fails with storage_error, and the others are stored', async () => {
    const { key, environmentId } = await muster.addEnvironment('slow-row');
    const { body } = await muster
      .post(undefined, key)
      .send(
        Array.from({ length: 200 }, (_, n) => ({
          user_id: `u${n}`,
          metadata: n === 137 ? { slow: true } : { n },
        })),
      )
      .expect(202);
    const job = await muster.finished(body.job_id, key, 120_000);
    expect(job).toMatchObject({ status: 'completed', created_rows: 199, failed_rows: 1 });
    const failed = await muster.results(body.job_id, '?outcome=failed', key);
    expect(failed).toMatchObject([{ row: 138, id: 'u137', errors: [{ code: 'storage_error' }] }]);
    expect(Object.keys(await storedTexts(environmentId))).toHaveLength(199);
  }, 150_000);

  it('a job is canceled within a second while a statement of it hangs, and the next job goes on at once', async () => {
    const other = await startMuster({ sliceLimits: { batchMs: 25_000, rowMs: 25_000 } });
    try {
      await asOwner(
        other.databaseUrl,
        `CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         IF NEW.metadata ? 'slow' THEN PERFORM pg_sleep(30); END IF; RETURN NEW;
       END $$;
       CREATE TRIGGER dawdles BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION dawdle()`,
      );
      const { body } = await other
        .post()
        .send([{ user_id: 'a' }, { user_id: 'b', metadata: { slow: 1 } }])
        .expect(202);
      await waitFor('the statement to hang', async () => {
        const { rows } = await other.store.pool.query(
          "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()",
        );
        return rows.length > 0;
      });
      const begunMs = performance.now();
      const { body: canceled } = await other.post(`/v1/background_jobs/${body.job_id}/cancel`).expect(202);
      expect(performance.now() - begunMs).toBeLessThan(1_000);
      expect(canceled).toMatchObject({ status: 'failed', error: { code: 'canceled' }, created_rows: 0 });
      const next = await other.importRows([{ user_id: 'b', metadata: { quick: 1 } }]);
      expect(next).toMatchObject({ status: 'completed', created_rows: 1 });
      expect(performance.now() - begunMs).toBeLessThan(10_000);
      expect((await other.get('/v1/users/a')).status).toBe(404);
    } finally {
      await other.close();
    }
  }, 60_000);
});
