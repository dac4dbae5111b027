/** Imports by the upsert alone: rows that are read and checked already, against tables that were emptied. */
import { randomUUID } from 'node:crypto';
import type { Transaction } from '#store/client';
import { digestRow } from '#store/row-digest';
import { upsertRows } from '#store/upsert-rows';
import type { Size } from '../make-rows';
import { makeLines } from './database';

export const ENVIRONMENT = 1;

/** A row of a file, taken apart. */
export interface SentRow {
  row: number;
  id: string;
  companyId: string | null;
  /** As JSON. */
  metadata: string;
}

/** Applies a batch within the transaction that is open. */
export type Upsert = (tx: Transaction, jobId: string, rows: readonly SentRow[]) => Promise<unknown>;

/** The product's own. */
export const upsertUsers: Upsert = (tx, id, rows) => {
  const options = { metadataMode: 'merge', existingMode: 'upsert', dryRun: false } as const;
  const accepted = rows.map(({ row, id: userId, companyId, metadata }) => {
    const patch = { companyId, json: metadata, isWhole: false };
    return {
      row,
      id: userId,
      ...patch,
      hasNulls: false,
      digest: digestRow(patch, { metadataMode: 'merge' }),
    };
  });
  return upsertRows(tx, { ...options, id, environmentId: ENVIRONMENT, entity: 'user' }, accepted);
};

export interface Batches {
  upsert: Upsert;
  rows: number;
}

export function upsertInBatches(rows: number, upsert: Upsert = upsertUsers): Batches {
  return { upsert, rows };
}

export async function readSent(size: Size, version: number): Promise<SentRow[]> {
  const lines = await makeLines(size, version);
  return lines.map((line, index) => {
    const { user_id: id, company_id: companyId, metadata } = JSON.parse(line.toString('utf8')) as WireUser;
    return { row: index + 1, id, companyId, metadata: JSON.stringify(metadata) };
  });
}

interface WireUser {
  user_id: string;
  company_id: string;
  metadata: object;
}

/**
 * All new, all changed, nothing changed; a transaction for each batch. Returns rows a second.
 * @param versions of the same users
 * @throws Error when a row has another outcome
 */
export async function measureImports(
  tx: Transaction,
  { upsert, rows: batch }: Batches,
  [first = [], second = []]: readonly SentRow[][],
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
