/**
 * Rows as they came, in bulk: COPY in binary form on the way in, and of an indexed range on the way out. Never changed once
 * staged; what became of a row is in row_results.
 */
import { finished } from 'node:stream/promises';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import type { StagedRow } from '#job/row';
import type { Queryable, Session, Transaction } from './client';

const COLUMNS = 5;
// PostgreSQL manual, COPY, "Binary Format": signature, flags, header extension; then tuples; then -1.
const COPY_HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const COPY_TRAILER = Buffer.from([0xff, 0xff]);
const TUPLE_OVERHEAD_BYTES = 2 + COLUMNS * 4 + 4 + 16 + 4 + 4;

const MIN_BYTES = 64 * 1024;
const MAX_KEPT_BYTES = 4 * 1024 * 1024;

/** Rows in the binary form of COPY, collected until they are worth a round trip. Copies the bytes it is given. */
export class StagingBuffer {
  private buffer = Buffer.allocUnsafe(MIN_BYTES);
  private length = 0;
  private readonly jobId: Buffer;

  constructor(
    private readonly environmentId: number,
    jobId: string,
  ) {
    this.jobId = Buffer.from(jobId.replaceAll('-', ''), 'hex');
  }

  get byteLength(): number {
    return this.length;
  }

  /** Adds a row. `line` null = none. */
  add(row: number, line: number | null, raw: Buffer): void {
    this.reserve(TUPLE_OVERHEAD_BYTES + raw.length);
    this.length = this.buffer.writeInt16BE(COLUMNS, this.length);
    this.writeInt(this.environmentId);
    this.length = this.buffer.writeInt32BE(16, this.length);
    this.length += this.jobId.copy(this.buffer, this.length);
    this.writeInt(row);
    if (line === null) this.length = this.buffer.writeInt32BE(-1, this.length);
    else this.writeInt(line);
    this.length = this.buffer.writeInt32BE(raw.length, this.length);
    this.length += raw.copy(this.buffer, this.length);
  }

  /**
   * The rows so far, ready for COPY; the buffer is empty afterwards. Its memory is used again, because giving it away by
   * the megabyte keeps the garbage collector busy: what is returned holds until the next `add`.
   */
  take(): Buffer {
    const taken = this.buffer.subarray(0, this.length);
    // What one very long row has needed is not kept for the others.
    if (this.buffer.length > MAX_KEPT_BYTES) this.buffer = Buffer.allocUnsafe(MIN_BYTES);
    this.length = 0;
    return taken;
  }

  private writeInt(value: number): void {
    this.length = this.buffer.writeInt32BE(4, this.length);
    this.length = this.buffer.writeInt32BE(value, this.length);
  }

  private reserve(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.length + bytes));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
  }
}

/** Writes rows that a StagingBuffer has collected. */
export async function copyStagedRows(tx: Transaction, rows: Buffer): Promise<void> {
  const copy = tx.query(
    copyFrom('COPY staged_rows (environment_id, job_id, row, line, raw) FROM STDIN (FORMAT binary)'),
  );
  copy.write(COPY_HEADER);
  copy.write(rows);
  copy.end(COPY_TRAILER);
  await finished(copy);
}

/** How much of a job one slice reads. */
export interface RowRange {
  environmentId: number;
  jobId: string;
  /** Only rows behind this one. */
  after: number;
  rows: number;
  /** Stops before the row that would go over this, but gives one row at least. */
  bytes: number;
}

/**
 * The next staged rows in order, without those that have a result already.
 * By COPY, because node-postgres has bytes only as hex, which costs this process 1.7 times the time: binary results it
 * decodes as UTF-8. COPY takes no parameters; the values are numbers and a UUID of ours.
 * OFFSET 0 keeps the look into row_results a look by key: as a join, a planner that has no statistics of the table yet
 * reads all results of the job for every row.
 * @param haveResults whether some of them may have a result already; looking for it takes a fifth of reading small rows
 */
export async function readStagedRows(
  session: Session,
  range: RowRange,
  haveResults: boolean,
): Promise<StagedRow[]> {
  const [environment, after, rows, bytes] = [range.environmentId, range.after, range.rows, range.bytes].map(
    Math.trunc,
  );
  const job = session.escapeLiteral(range.jobId);
  const withoutResult = `AND NOT EXISTS (
    SELECT FROM row_results r WHERE r.environment_id = ${environment} AND r.job_id = ${job} AND r.row = s.row OFFSET 0)`;
  const copy = session.query(
    copyTo(`COPY (
      SELECT row, line, raw FROM (
        SELECT s.row, s.line, s.raw, sum(octet_length(s.raw)) OVER (ORDER BY s.row ROWS UNBOUNDED PRECEDING)
                               - octet_length(s.raw) AS bytes_before
        FROM staged_rows s
        WHERE s.environment_id = ${environment} AND s.job_id = ${job} AND s.row > ${after} ${haveResults ? withoutResult : ''}
        ORDER BY s.row LIMIT ${rows}) slice
      WHERE bytes_before < ${bytes}
      ORDER BY row) TO STDOUT (FORMAT binary)`),
  );
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of copy as AsyncIterable<Buffer>) chunks.push(chunk);
    return parseCopied(Buffer.concat(chunks));
  } finally {
    // It is what ends the time limit of node-postgres, which otherwise reports a fault long after the end.
    (copy as { callback?(): void }).callback?.();
  }
}

/** Takes (row, line, raw) out of the binary form of COPY. The rows are views on the bytes. */
function parseCopied(bytes: Buffer): StagedRow[] {
  const rows: StagedRow[] = [];
  for (let at = COPY_HEADER.length; bytes.readInt16BE(at) !== -1; ) {
    const row = bytes.readInt32BE(at + 2 + 4);
    const lineAt = at + 2 + 4 + 4;
    const hasLine = bytes.readInt32BE(lineAt) !== -1;
    const line = hasLine ? bytes.readInt32BE(lineAt + 4) : null;
    const start = lineAt + 4 + (hasLine ? 4 : 0) + 4;
    at = start + bytes.readInt32BE(start - 4);
    rows.push({ row, line, raw: bytes.subarray(start, at) });
  }
  return rows;
}

/** Copying ten thousand rows of 5 kB takes longer than an API's statements may as a rule, in milliseconds. */
const COPY_TIMEOUT_MS = 60_000;

/**
 * Copies the failed and unprocessed rows of an ended job to another one, numbered anew, with the lines they came from.
 * Erased rows stay behind.
 * @returns how many, and their bytes
 */
export async function copyUnsettledRows(
  tx: Transaction,
  environmentId: number,
  fromJobId: string,
  toJobId: string,
): Promise<{ rows: number; bytes: number }> {
  await tx.query(`SET LOCAL statement_timeout = ${COPY_TIMEOUT_MS}`);
  const copy = {
    text: `WITH unsettled AS MATERIALIZED (
             SELECT s.row, row_number() OVER (ORDER BY s.row)::int AS new_row
             FROM staged_rows s LEFT JOIN row_results r USING (environment_id, job_id, row)
             WHERE s.environment_id = $1 AND s.job_id = $2 AND octet_length(s.raw) > 0
               AND (r.outcome IS NULL OR r.outcome = 'failed')),
           copied AS (
             INSERT INTO staged_rows (environment_id, job_id, row, line, raw)
             SELECT $1, $3, u.new_row, s.line, s.raw
             FROM unsettled u JOIN staged_rows s ON s.environment_id = $1 AND s.job_id = $2 AND s.row = u.row
             RETURNING octet_length(raw) AS bytes),
           tails AS (
             INSERT INTO row_tails (environment_id, job_id, row, piece, raw)
             SELECT $1, $3, u.new_row, t.piece, t.raw
             FROM unsettled u JOIN row_tails t ON t.environment_id = $1 AND t.job_id = $2 AND t.row = u.row
             RETURNING octet_length(raw) AS bytes)
           SELECT (SELECT count(*)::int FROM copied) AS rows, coalesce(sum(bytes), 0)::int AS bytes
           FROM (SELECT bytes FROM copied UNION ALL SELECT bytes FROM tails) staged`,
    values: [environmentId, fromJobId, toJobId],
    query_timeout: COPY_TIMEOUT_MS,
  };
  const { rows } = await tx.query<{ rows: number; bytes: number }>(copy);
  return rows[0] ?? { rows: 0, bytes: 0 };
}

/** Takes away what rows say, because it is about somebody who was erased. An empty row never comes in, so it tells. */
export async function emptyStagedRows(
  tx: Transaction,
  environmentId: number,
  jobId: string,
  rows: readonly number[],
): Promise<void> {
  const values = [environmentId, jobId, rows];
  await tx.query(
    `UPDATE staged_rows SET raw = ''
     WHERE environment_id = $1 AND job_id = $2 AND row = ANY ($3) AND octet_length(raw) > 0`,
    values,
  );
  await tx.query(
    'DELETE FROM row_tails WHERE environment_id = $1 AND job_id = $2 AND row = ANY ($3)',
    values,
  );
}

/** Removes what an upload has staged that will not become a job. */
export async function deleteStagedRows(db: Queryable, environmentId: number, jobId: string): Promise<void> {
  const values = [environmentId, jobId];
  await db.query('DELETE FROM row_tails WHERE environment_id = $1 AND job_id = $2', values);
  await db.query('DELETE FROM staged_rows WHERE environment_id = $1 AND job_id = $2', values);
}
