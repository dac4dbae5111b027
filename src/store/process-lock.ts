/**
 * An advisory lock that lives exactly as long as this process: whoever finds it free knows that the process is dead, or
 * has lost its database session for a moment. It is a hint that saves waiting for a lease; nothing is ever correct only
 * because of it. Behind a pooler that shares sessions, the lock may outlive the process or be lost while it lives.
 */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { Logger } from '#logger';

/** Until a lost session is opened again, at first and after that did not work. */
const FIRST_RECONNECT_MS = 100;
const RECONNECT_MS = 1_000;
/** How often the session is asked whether it still holds the lock: notices half-open connections and shared sessions. */
const CHECK_MS = 5_000;
const ANSWER_TIMEOUT_MS = 5_000;

export interface ProcessLock {
  /** Number of the advisory lock, as text because it has 62 bits; undefined while the lock is not held. */
  readonly number: string | undefined;
  close(): Promise<void>;
}

export interface ProcessLockOptions {
  databaseUrl: string;
  logger: Logger;
}

/** Takes a lock on a random number, and takes it again whenever its session is lost. Never throws. */
export function holdProcessLock({ databaseUrl, logger }: ProcessLockOptions): ProcessLock {
  const number = (randomBytes(8).readBigUInt64BE() >> 2n).toString();
  let isHeld = false;
  let isClosed = false;
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;

  const lose = (failed: pg.Client, err?: Error) => {
    if (client !== failed) return;
    client = undefined;
    clearTimeout(timer);
    void failed.end().catch(() => {});
    if (isClosed) return;
    if (isHeld) logger.warn({ err }, 'session of the process lock lost; reconnecting');
    timer = setTimeout(connect, isHeld ? FIRST_RECONNECT_MS : RECONNECT_MS);
    isHeld = false;
  };
  const check = (current: pg.Client) => {
    timer = setTimeout(() => {
      current.query<{ isMine: boolean }>(IS_HELD_HERE, [number]).then(
        ({ rows }) => (rows[0]?.isMine ? client === current && check(current) : lose(current)),
        (err) => lose(current, err),
      );
    }, CHECK_MS);
  };
  const connect = () => {
    const current = new pg.Client({
      connectionString: databaseUrl,
      application_name: 'muster process lock',
      connectionTimeoutMillis: ANSWER_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
      keepAlive: true,
    });
    client = current;
    current.on('error', (err) => lose(current, err));
    current.on('end', () => lose(current));
    current
      .connect()
      .then(() => current.query<{ granted: boolean }>('SELECT pg_try_advisory_lock($1) AS granted', [number]))
      .then(
        ({ rows }) => {
          // The session before may not have ended yet on the server.
          if (!rows[0]?.granted) return lose(current);
          isHeld = client === current;
          if (isHeld) check(current);
        },
        (err) => lose(current, err),
      );
  };
  connect();

  return {
    get number() {
      return isHeld ? number : undefined;
    },
    async close() {
      isClosed = true;
      clearTimeout(timer);
      const open = client;
      client = undefined;
      await open?.end().catch(() => {});
    },
  };
}

/** pg_locks shows a lock on one number in two halves. */
const IS_HELD_HERE = `SELECT EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND objsubid = 1
      AND (classid::bigint << 32) | objid::bigint = $1::bigint) AS "isMine"`;
