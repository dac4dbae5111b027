/** A row that was applied last is told by its digest, and by nothing less. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Entity } from '#job/entity';
import type { UpsertJob } from '#job/options';
import type { AcceptedRow } from '#job/row';
import { digestRow } from '#store/row-digest';
import { upsertRows } from '#store/upsert-rows';
import { type Muster, startMuster } from '../support/muster';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

const TABLES: Record<Entity, string> = { user: 'users', company: 'companies' };

async function newJob(entity: Entity = 'user'): Promise<UpsertJob> {
  const { environmentId } = await muster.addEnvironment(`e-${randomUUID()}`);
  const options = { dryRun: false, metadataMode: 'merge', existingMode: 'upsert' } as const;
  return { ...options, id: randomUUID(), environmentId, entity };
}

function row(number: number, json: string, companyId?: string | null): AcceptedRow {
  const patch = { companyId, json, isWhole: false };
  const digest = digestRow(patch, { metadataMode: 'merge' });
  return { row: number, id: `id-${number}`, ...patch, hasNulls: false, digest };
}

/** Imports the rows as a job of their own. */
function apply(job: UpsertJob, rows: readonly AcceptedRow[]) {
  return muster.store.transaction((tx) => upsertRows(tx, { ...job, id: randomUUID() }, rows));
}

const outcomes = (counts: Partial<Record<string, number>>) => ({
  created: 0,
  updated: 0,
  unchanged: 0,
  failed: 0,
  ...counts,
});

describe.each(['user', 'company'] as const)('the digest of a %s', (entity) => {
  it('alone says that a row is unchanged: the row is not looked into', async () => {
    const job = await newJob(entity);
    const rows = Array.from({ length: 120 }, (_, n) => row(n + 1, `{"n":${n}}`));
    expect(await apply(job, rows)).toEqual(outcomes({ created: 120 }));
    const unreadable = rows.map((one) => ({ ...one, json: 'no JSON' }));
    expect(await apply(job, unreadable)).toEqual(outcomes({ unchanged: 120 }));
  });

  it.each([
    ['metadata', `metadata = '{"n":1,"by":"hand"}'`],
    ['anything else', 'updated_at = now()'],
  ])(
    'is gone when somebody writes %s who does not know of it, and comes back with the next change',
    async (_, change) => {
      const job = await newJob(entity);
      await apply(job, [row(1, '{"n":1}')]);
      await muster.store.pool.query(`UPDATE ${TABLES[entity]} SET ${change} WHERE environment_id = $1`, [
        job.environmentId,
      ]);
      expect(await digests(job)).toEqual([null]);
      await apply(job, [row(1, '{"n":2}')]);
      expect(await digests(job)).toEqual([row(1, '{"n":2}').digest]);
    },
  );
});

describe('the digest of a row', () => {
  it('differs with all that decides what the row does', () => {
    const patch = { companyId: undefined, json: '{"metadata":{}}', isWhole: false };
    const digests = [
      digestRow(patch, { metadataMode: 'merge' }),
      digestRow(patch, { metadataMode: 'replace' }),
      digestRow({ ...patch, companyId: null }, { metadataMode: 'merge' }),
      digestRow({ ...patch, companyId: 'null' }, { metadataMode: 'merge' }),
      digestRow({ ...patch, companyId: 'keep' }, { metadataMode: 'merge' }),
      digestRow({ ...patch, isWhole: true }, { metadataMode: 'merge' }),
      digestRow({ ...patch, json: '{"metadata":{} }' }, { metadataMode: 'merge' }),
    ];
    expect(new Set(digests).size).toBe(digests.length);
  });

  it('is not what an import gives back after others came in between', async () => {
    const job = await newJob();
    await apply(job, [row(1, '{"a":1}')]);
    await apply(job, [row(1, '{"a":2}')]);
    expect(await apply(job, [row(1, '{"a":1}')])).toEqual(outcomes({ updated: 1 }));
  });

  it('of a few among many others changes no outcome', async () => {
    const job = await newJob();
    const rows = Array.from({ length: 300 }, (_, n) => row(n + 1, `{"n":${n}}`));
    await apply(job, rows);
    for (const isChanged of [(n: number) => n < 40, (n: number) => n >= 40, (n: number) => n % 7 === 0]) {
      const next = rows.map((one, n) => (isChanged(n) ? row(n + 1, `{"n":${n},"new":true}`) : one));
      const changed = next.filter((_, n) => isChanged(n)).length;
      expect(await apply(job, next)).toEqual(outcomes({ updated: changed, unchanged: 300 - changed }));
      expect(await apply(job, next)).toEqual(outcomes({ unchanged: 300 }));
      await muster.store.pool.query('DELETE FROM users WHERE environment_id = $1', [job.environmentId]);
      await apply(job, rows);
    }
  });

  it('does not let a row in that may only be created', async () => {
    const job = await newJob();
    await apply(job, [row(1, '{"a":1}')]);
    const createOnly = { ...job, existingMode: 'create_only' as const };
    expect(await apply(createOnly, [row(1, '{"a":1}')])).toEqual(outcomes({ failed: 1 }));
  });
});

async function digests({ environmentId, entity }: UpsertJob): Promise<(string | null)[]> {
  const { rows } = await muster.store.pool.query<{ digest: string | null }>(
    `SELECT encode(row_digest, 'hex') AS digest FROM ${TABLES[entity]} WHERE environment_id = $1`,
    [environmentId],
  );
  return rows.map(({ digest }) => digest);
}
