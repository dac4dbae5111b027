/**
 * The connection to PostgreSQL: one pool, which Prisma and plain SQL share. Opened by each process, passed by argument.
 */
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import type { Logger } from '#logger';
import { isTransient, isUnavailable } from './faults';
import { PrismaClient } from './generated/client';
import { createTurns } from './turns';

/** A transaction in progress: the only thing that writes of a slice take. */
export type Transaction = pg.PoolClient;

/** A connection, in a transaction or not: what COPY needs. */
export type Session = pg.PoolClient;

/** What plain SQL runs on: the pool, or a transaction. */
export type Queryable = Pick<pg.PoolClient, 'query'>;

export interface StoreOptions {
  databaseUrl: string;
  /** Most connections of this process. */
  connections: number;
  logger: Logger;
  /**
   * A statement that takes longer is cancelled by the server; where no answer comes at all (a connection that is dead
   * without a word), it is given up here half a second later. Clients wait for the API: see API_STATEMENT_TIMEOUT_MS.
   */
  statementTimeoutMs?: number;
}

export interface Store {
  readonly pool: pg.Pool;
  readonly prisma: PrismaClient;
  /**
   * Runs the work in one transaction and commits it. Deadlocks, serialization failures and lost races are tried again
   * a few times, so the work must not have effects outside the transaction.
   * @throws whatever the work or the commit threw last; nothing is written then
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Runs reads on a connection of their own, without a transaction. @throws what the work throws */
  session<T>(work: (session: Session) => Promise<T>): Promise<T>;
  /**
   * The same as `transaction` for those that carry much. They have half of the connections, an environment two of them, and
   * wait for one as long as it takes, so that a hundred uploads at once neither fail nor keep anybody else from an answer.
   */
  bulkTransaction<T>(environmentId: number, work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Whether the database answers at this moment, on another connection than those in use. Never throws. */
  answers(): Promise<boolean>;
  close(): Promise<void>;
}

/** Short enough that a client has its 503 within 5 s. */
export const API_STATEMENT_TIMEOUT_MS = 3_000;
const WORKER_STATEMENT_TIMEOUT_MS = 30_000;
const ANSWER_MARGIN_MS = 500;
/** A database that takes longer over nothing counts as away. */
const PROBE_TIMEOUT_MS = 1_000;
const CONNECT_TIMEOUT_MS = 2_500;
export const LOCK_TIMEOUT_MS = 5_000;
/** A stopped process must not hold its locks: after this the server ends its session. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;
const TRIES = 5;
const BULK_TRANSACTIONS_OF_ENVIRONMENT = 2;

/** Opens the store. Connects when it is first used, so it never throws because the database is away. */
export function openStore(options: StoreOptions): Store {
  const { statementTimeoutMs = WORKER_STATEMENT_TIMEOUT_MS } = options;
  const pool = new pg.Pool({
    connectionString: options.databaseUrl,
    max: options.connections,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + ANSWER_MARGIN_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'muster',
  });
  // Without a listener the loss of an idle connection would end the process; the pool opens a new one by itself.
  pool.on('error', (err) => options.logger.warn({ err }, 'database connection lost'));
  // The same of one that is in use; the query that fails says so.
  pool.on('connect', (client) => client.on('error', () => {}));
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });

  const inTurn = createTurns({
    ofAll: Math.max(1, Math.floor(options.connections / 2)),
    ofOne: BULK_TRANSACTIONS_OF_ENVIRONMENT,
  });

  const transaction: Store['transaction'] = async (work) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await runTransaction(pool, work);
      } catch (error) {
        if (attempt === TRIES || !isTransient(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, attempt * 20 * (1 + Math.random())));
      }
    }
  };

  return {
    pool,
    prisma,
    transaction,
    session: (work) => runSession(pool, work),
    bulkTransaction: (environmentId, work) => inTurn(environmentId, () => transaction(work)),
    answers: () =>
      pool.query({ text: 'SELECT 1', query_timeout: PROBE_TIMEOUT_MS } as pg.QueryConfig).then(
        () => true,
        () => false,
      ),
    async close() {
      await prisma.$disconnect();
      await pool.end();
    },
  };
}

async function runSession<T>(pool: pg.Pool, work: (session: Session) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    const result = await work(client);
    client.release();
    return result;
  } catch (error) {
    // What is still on its way to it is not known: it is thrown away.
    client.release(true);
    throw error;
  }
}

async function runTransaction<T>(pool: pg.Pool, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  // A connection that has failed, or whose state is in doubt, is thrown away; the server rolls back.
  let broken: Error | undefined;
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    if (isUnavailable(error)) broken = error as Error;
    else {
      await client.query('ROLLBACK').catch((rollbackError: Error) => {
        broken = rollbackError;
      });
    }
    throw error;
  } finally {
    client.release(broken);
  }
}
