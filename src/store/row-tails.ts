/**
 * What staged rows have beyond the bytes that a row may have, in pieces. Such a row is refused for its size, but is given
 * back byte for byte; no process ever has the whole of it in memory.
 */
import type { Queryable, Transaction } from './client';

/** A piece of a row that is not in staged_rows. */
export interface RowTail {
  row: number;
  /** From 0 on. */
  piece: number;
  raw: Buffer;
}

/** The row whose pieces they are. */
export interface TailedRow {
  environmentId: number;
  jobId: string;
  row: number;
}

/** Writes pieces of rows. One after another, because as one statement they would be in memory several times. */
export async function insertRowTails(
  tx: Transaction,
  { environmentId, jobId }: Omit<TailedRow, 'row'>,
  tails: readonly RowTail[],
): Promise<void> {
  for (const { row, piece, raw } of tails) {
    await tx.query({
      name: 'insert-row-tail',
      text: 'INSERT INTO row_tails (environment_id, job_id, row, piece, raw) VALUES ($1, $2, $3, $4, $5)',
      values: [environmentId, jobId, row, piece, raw],
    });
  }
}

/** The pieces of a row in their order: none for a row that is in staged_rows as a whole, or was erased. */
export async function* readRowTail(
  db: Queryable,
  { environmentId, jobId, row }: TailedRow,
): AsyncGenerator<Buffer> {
  for (let piece = 0; ; piece++) {
    const { rows } = await db.query<{ raw: Buffer }>({
      name: 'read-row-tail',
      text: 'SELECT raw FROM row_tails WHERE environment_id = $1 AND job_id = $2 AND row = $3 AND piece = $4',
      values: [environmentId, jobId, row, piece],
    });
    const [found] = rows;
    if (found === undefined) return;
    yield found.raw;
  }
}
