/**
 * How staged rows get out of PostgreSQL: by COPY in its binary form, as the product does it, as hex or base64 through
 * node-postgres, or as text that the server decodes. Every way ends with the text of each row as a string, slice by slice,
 * by the same query; "ours" is the product's own function.
 * Text that the server decodes fails the whole statement when one row is not UTF-8, and is here for its speed only.
 */
import { randomUUID } from 'node:crypto';
import type { Store, Transaction } from '#store/client';
import { copyStagedRows, readStagedRows, StagingBuffer } from '#store/staged-rows';
import { SIZES } from '../make-rows';
import { countBytes, makeLines, withDatabase } from './database';
import { compareWays, readRepetitions, readSizes, type Way } from './measure';

const ENVIRONMENT = 1;
const MIB = 1024 * 1024;
const SLICE_ROWS = 500;
const SLICE_BYTES = 2 * MIB;

/** The next rows behind this one, as text. */
type ReadSlice = (tx: Transaction, jobId: string, after: number, rows: number) => Promise<string[]>;

/** The product's query with another form of output. */
function query(
  columns: string,
  [environment, job, after, rows, bytes]: readonly (string | number)[],
): string {
  return `SELECT ${columns} FROM (
      SELECT s.row, s.raw, sum(octet_length(s.raw)) OVER (ORDER BY s.row ROWS UNBOUNDED PRECEDING)
                             - octet_length(s.raw) AS bytes_before
      FROM staged_rows s
      WHERE s.environment_id = ${environment} AND s.job_id = ${job} AND s.row > ${after}
        AND NOT EXISTS (SELECT FROM row_results r
                        WHERE r.environment_id = ${environment} AND r.job_id = ${job} AND r.row = s.row OFFSET 0)
      ORDER BY s.row LIMIT ${rows}) slice
    WHERE bytes_before < ${bytes}
    ORDER BY row`;
}

const PARAMETERS = ['$1', '$2', '$3', '$4', '$5'];

const ours: ReadSlice = async (tx, jobId, after, rows) => {
  const range = { environmentId: ENVIRONMENT, jobId, after, rows, bytes: SLICE_BYTES };
  return (await readStagedRows(tx, range, true)).map(({ raw }) => raw.toString('utf8'));
};

const bytea: ReadSlice = async (tx, jobId, after, rows) => {
  const values = [ENVIRONMENT, jobId, after, rows, SLICE_BYTES];
  const read = await tx.query<{ raw: Buffer }>({
    name: 'bytea',
    text: query('row, raw', PARAMETERS),
    values,
  });
  return read.rows.map(({ raw }) => raw.toString('utf8'));
};

function byQuery(name: string, column: string, decode: (value: string) => string): ReadSlice {
  const text = query(`row, ${column} AS value`, PARAMETERS);
  return async (tx, jobId, after, rows) => {
    const values = [ENVIRONMENT, jobId, after, rows, SLICE_BYTES];
    const read = await tx.query<{ value: string }>({ name, text, values });
    return read.rows.map(({ value }) => decode(value));
  };
}

const hex = byQuery('hex', `encode(raw, 'hex')`, (value) => Buffer.from(value, 'hex').toString('utf8'));
const base64 = byQuery('base64', `encode(raw, 'base64')`, (value) =>
  Buffer.from(value, 'base64').toString('utf8'),
);
const text = byQuery('text', `convert_from(raw, 'UTF8')`, (value) => value);

function way(
  tx: Transaction,
  jobId: string,
  lines: readonly Buffer[],
  name: string,
  read: ReadSlice,
  rows: number,
) {
  return {
    name: `${name}, ${rows} rows`,
    async run() {
      const cpu = process.cpuUsage();
      const begun = performance.now();
      let [after, characters] = [0, 0];
      for (;;) {
        const texts = await read(tx, jobId, after, rows);
        if (texts.length === 0) break;
        for (const one of texts) characters += one.length;
        after += texts.length;
      }
      const ms = performance.now() - begun;
      const { user, system } = process.cpuUsage(cpu);
      if (after !== lines.length || characters < countBytes(lines) * 0.9)
        throw new Error(`${after} rows were read.`);
      const megabytes = countBytes(lines) / MIB;
      return { ms, 'MB/s': megabytes / (ms / 1000), 'CPU of Node ms': (user + system) / 1000 };
    },
  } satisfies Way;
}

async function main(store: Store): Promise<void> {
  const repetitions = readRepetitions();
  for (const size of readSizes()) {
    const lines = await makeLines(size);
    const jobId = randomUUID();
    const buffer = new StagingBuffer(ENVIRONMENT, jobId);
    for (const [index, raw] of lines.entries()) buffer.add(index + 1, index + 1, raw);
    await store.transaction((tx) => copyStagedRows(tx, buffer.take()));
    await store.pool.query('VACUUM ANALYZE staged_rows');
    const tx = await store.pool.connect();
    const ways = [SLICE_ROWS, 2_000].flatMap((rows) => [
      way(tx, jobId, lines, 'COPY TO STDOUT, binary (ours)', ours, rows),
      way(tx, jobId, lines, 'bytea, hex by node-postgres', bytea, rows),
      way(tx, jobId, lines, "encode(raw, 'hex'), decoded by Buffer", hex, rows),
      way(tx, jobId, lines, "encode(raw, 'base64'), decoded by Buffer", base64, rows),
      way(tx, jobId, lines, "convert_from(raw, 'UTF8')", text, rows),
    ]);
    await compareWays(`reading staged rows, ${SIZES[size]}, slices of at most 2 MiB`, ways, repetitions);
    tx.release();
  }
}

void withDatabase(main);
