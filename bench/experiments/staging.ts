/**
 * How rows get into staged_rows: COPY in chunks, as the product does it, or INSERT; and how raw is kept there.
 * Every way begins with the rows cut and in memory, commits each chunk, and ends with all of them durable.
 */
import { randomUUID } from 'node:crypto';
import type { Store } from '#store/client';
import { copyStagedRows, readStagedRows, StagingBuffer } from '#store/staged-rows';
import { SIZES } from '../make-rows';
import { countBytes, makeLines, withDatabase } from './database';
import { compareWays, readRepetitions, readSizes, type Way } from './measure';

const ENVIRONMENT = 1;
const MIB = 1024 * 1024;
const INSERT_ROWS = 500;

type Write = (store: Store, jobId: string, lines: readonly Buffer[]) => Promise<void>;

/** How the table keeps raw. Undefined: as the migrations say. */
interface Storage {
  storage?: 'EXTENDED' | 'EXTERNAL';
  compression?: 'pglz' | 'lz4';
  toastTupleTarget?: number;
}

/** The product's way, with chunks of any size. */
function copy(chunkBytes: number): Write {
  return async (store, jobId, lines) => {
    const buffer = new StagingBuffer(ENVIRONMENT, jobId);
    const flush = async () => {
      const rows = buffer.take();
      await store.transaction((tx) => copyStagedRows(tx, rows));
    };
    for (const [index, raw] of lines.entries()) {
      buffer.add(index + 1, index + 1, raw);
      if (buffer.byteLength >= chunkBytes) await flush();
    }
    if (buffer.byteLength > 0) await flush();
  };
}

/** One INSERT for 500 rows, its arrays as node-postgres writes them. */
const insert: Write = async (store, jobId, lines) => {
  for (let begin = 0; begin < lines.length; begin += INSERT_ROWS) {
    const chunk = lines.slice(begin, begin + INSERT_ROWS);
    const numbers = chunk.map((_, index) => begin + index + 1);
    await store.transaction((tx) =>
      tx.query({
        name: 'insert-staged-rows',
        text: `INSERT INTO staged_rows (environment_id, job_id, row, line, raw)
               SELECT $1, $2, * FROM unnest($3::int[], $4::int[], $5::bytea[])`,
        values: [ENVIRONMENT, jobId, numbers, numbers, chunk],
      }),
    );
  }
};

function way(store: Store, lines: readonly Buffer[], name: string, write: Write, storage: Storage = {}): Way {
  return {
    name,
    async run() {
      await prepare(store, storage);
      const jobId = randomUUID();
      const walBefore = await walBytes(store);
      const begun = performance.now();
      await write(store, jobId, lines);
      const ms = performance.now() - begun;
      const wal = (await walBytes(store)) - walBefore;
      const { rows } = await store.pool.query<{ bytes: string }>(
        `SELECT pg_total_relation_size('staged_rows') AS bytes`,
      );
      const readMs = await readAll(store, jobId, lines);
      return {
        'write ms': ms,
        'write MB/s': countBytes(lines) / MIB / (ms / 1000),
        'table, TOAST and indexes MB': Number(rows[0]?.bytes) / MIB,
        'WAL MB': wal / MIB,
        'read ms': readMs,
      };
    },
  };
}

/** The same empty table for everybody, and no checkpoint that is still due. */
async function prepare({ pool }: Store, { storage, compression, toastTupleTarget }: Storage): Promise<void> {
  await pool.query('DROP TABLE IF EXISTS staged_rows');
  await pool.query('CREATE TABLE staged_rows (LIKE migrated INCLUDING ALL)');
  if (storage) await pool.query(`ALTER TABLE staged_rows ALTER COLUMN raw SET STORAGE ${storage}`);
  if (compression)
    await pool.query(`ALTER TABLE staged_rows ALTER COLUMN raw SET COMPRESSION ${compression}`);
  if (toastTupleTarget) {
    await pool.query(`ALTER TABLE staged_rows SET (toast_tuple_target = ${toastTupleTarget})`);
  }
  await pool.query('CHECKPOINT');
}

async function walBytes({ pool }: Store): Promise<number> {
  const { rows } = await pool.query<{ bytes: string }>(
    `SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS bytes`,
  );
  return Number(rows[0]?.bytes);
}

/** Reads them back as the stages do. @throws Error when a byte differs */
async function readAll(store: Store, jobId: string, lines: readonly Buffer[]): Promise<number> {
  const range = { environmentId: ENVIRONMENT, jobId, rows: INSERT_ROWS, bytes: 2 * MIB };
  const begun = performance.now();
  let after = 0;
  for (;;) {
    const staged = await store.session((session) => readStagedRows(session, { ...range, after }, false));
    if (staged.length === 0) break;
    for (const { row, raw } of staged) {
      if (!lines[row - 1]?.equals(raw)) throw new Error(`Row ${row} is not as it was sent.`);
    }
    after += staged.length;
  }
  if (after !== lines.length) throw new Error(`${after} rows were staged.`);
  return performance.now() - begun;
}

async function hasLz4({ pool }: Store): Promise<boolean> {
  const { rows } = await pool.query<{ values: string[] }>(
    `SELECT enumvals AS values FROM pg_settings WHERE name = 'default_toast_compression'`,
  );
  return rows[0]?.values.includes('lz4') ?? false;
}

async function main(store: Store): Promise<void> {
  const repetitions = readRepetitions();
  await store.pool.query('ALTER TABLE staged_rows RENAME TO migrated');
  const lz4 = await hasLz4(store);
  if (!lz4) process.stdout.write('This server has no lz4.\n');
  for (const size of readSizes()) {
    const lines = await makeLines(size);
    const one = (name: string, write: Write, storage?: Storage) => way(store, lines, name, write, storage);
    const ways = [
      one('COPY, 1 MiB chunks, table as migrated (ours)', copy(MIB)),
      one(`INSERT, ${INSERT_ROWS} rows by unnest, table as migrated`, insert),
      one('COPY, 64 KiB chunks, table as migrated', copy(MIB / 16)),
      one('COPY, 256 KiB chunks, table as migrated', copy(MIB / 4)),
      one('COPY, 4 MiB chunks, table as migrated', copy(4 * MIB)),
      one('COPY, all at once, table as migrated', copy(Number.POSITIVE_INFINITY)),
      one('COPY, 1 MiB, EXTENDED pglz', copy(MIB), { storage: 'EXTENDED', compression: 'pglz' }),
      one('COPY, 1 MiB, EXTERNAL', copy(MIB), { storage: 'EXTERNAL' }),
      one('COPY, 1 MiB, EXTERNAL, in line to 8 kB', copy(MIB), {
        storage: 'EXTERNAL',
        toastTupleTarget: 8160,
      }),
    ];
    if (lz4) {
      ways.push(one('COPY, 1 MiB, EXTENDED lz4', copy(MIB), { storage: 'EXTENDED', compression: 'lz4' }));
    }
    await compareWays(`staging, ${SIZES[size]}`, ways, repetitions);
  }
}

void withDatabase(main);
