/** Erases users or companies for good: no job that was accepted before brings them back. */
import type { Entity } from '#job/entity';
import type { Store, Transaction } from '#store/client';
import { emptyStagedRows, eraseStored, findOpenJobs, lockForErasure, type OpenJob } from '#store/erase';
import { readStagedRows } from '#store/staged-rows';
import { createRowReader } from './read-csv-row';
import { BATCH_BYTES, BATCH_ROWS } from './slice';

/**
 * Erases what is stored under these ids, and every row and result about them, in one transaction.
 * @returns how many of them were stored
 */
export async function eraseProfiles(
  store: Store,
  environmentId: number,
  entity: Entity,
  ids: readonly string[],
): Promise<number> {
  return store.transaction(async (tx) => {
    await lockForErasure(tx, environmentId);
    const erased = await eraseStored(tx, environmentId, entity, ids);
    const wanted = new Set(ids);
    for (const job of await findOpenJobs(tx, environmentId, entity)) {
      await emptyRowsOf(tx, environmentId, job, wanted);
    }
    return erased;
  });
}

/** Rows that have no result yet say nowhere whom they are about: each is read. */
async function emptyRowsOf(
  tx: Transaction,
  environmentId: number,
  job: OpenJob,
  ids: ReadonlySet<string>,
): Promise<void> {
  const readRow = createRowReader(job);
  for (let after = 0; ; ) {
    const range = { environmentId, jobId: job.id, after, rows: BATCH_ROWS, bytes: BATCH_BYTES };
    const staged = await readStagedRows(tx, range, true);
    const last = staged.at(-1);
    if (last === undefined) return;
    after = last.row;
    const found = staged.filter(({ raw }) => ids.has(readRow(raw).id ?? '')).map(({ row }) => row);
    if (found.length > 0) await emptyStagedRows(tx, environmentId, job.id, found);
  }
}
