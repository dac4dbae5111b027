/** Imports by the upsert alone: rows that are read and checked already, against tables that were emptied. */
import { randomUUID } from 'node:crypto';
import type { AcceptedRow } from '#job/row';
import { readRow } from '#pipeline/read-row';
import type { Transaction } from '#store/client';
import { upsertRows } from '#store/upsert-rows';
import type { Size } from '../make-rows';
import { makeLines } from './database';

export const ENVIRONMENT = 1;

/** Applies a batch within the transaction that is open. */
export type Upsert = (tx: Transaction, jobId: string, rows: readonly AcceptedRow[]) => Promise<unknown>;

/** The product's own. */
export const upsertUsers: Upsert = (tx, id, rows) => {
  const options = { metadataMode: 'merge', existingMode: 'upsert', dryRun: false } as const;
  return upsertRows(tx, { ...options, id, environmentId: ENVIRONMENT, entity: 'user' }, rows);
};

export interface Batches {
  upsert: Upsert;
  rows: number;
}

export function upsertInBatches(rows: number, upsert: Upsert = upsertUsers): Batches {
  return { upsert, rows };
}

export async function readAccepted(size: Size, version: number): Promise<AcceptedRow[]> {
  const lines = await makeLines(size, version);
  return lines.map((raw, index) => {
    const { id, companyId, metadata } = readRow(raw, 'user');
    return { row: index + 1, id: id ?? '', companyId, metadata };
  });
}

/**
 * All new, all changed, nothing changed; a transaction for each batch. Returns rows a second.
 * @param versions of the same users
 * @throws Error when a row has another outcome
 */
export async function measureImports(
  tx: Transaction,
  { upsert, rows: batch }: Batches,
  [first = [], second = []]: readonly AcceptedRow[][],
): Promise<Record<string, number>> {
  await tx.query('TRUNCATE users, row_results');
  // None is due in the middle.
  await tx.query('CHECKPOINT');
  const measured: Record<string, number> = {};
  for (const [name, outcome, rows] of [
    ['insert rows/s', 'created', first],
    ['update rows/s', 'updated', second],
    ['unchanged rows/s', 'unchanged', second],
  ] as const) {
    const jobId = randomUUID();
    const begun = performance.now();
    for (let begin = 0; begin < rows.length; begin += batch) {
      await tx.query('BEGIN');
      await upsert(tx, jobId, rows.slice(begin, begin + batch));
      await tx.query('COMMIT');
    }
    measured[name] = rows.length / ((performance.now() - begun) / 1000);
    const count = 'SELECT count(*)::int AS rows FROM row_results WHERE job_id = $1 AND outcome = $2';
    const { rows: counted } = await tx.query<{ rows: number }>(count, [jobId, outcome]);
    if (counted[0]?.rows !== rows.length) throw new Error(`${counted[0]?.rows} rows were ${outcome}.`);
  }
  return measured;
}
