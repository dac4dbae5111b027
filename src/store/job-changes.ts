/**
 * Word of every change of a job, from whichever process, by PostgreSQL's LISTEN and NOTIFY: one connection for each
 * process, however many clients wait. It is a hint and no more: what the job has become is read from its row.
 */
import pg from 'pg';
import type { Logger } from '#logger';

const CHANNEL = 'muster_jobs';

/** SQL expression for statements on `jobs`: tells all listeners when the transaction commits. */
export const NOTIFY_CHANGE = `pg_notify('${CHANNEL}', id::text)`;

const RECONNECT_MS = 1_000;
/** A connection that is dead without a word is noticed after this. */
const HEARTBEAT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 5_000;

export interface JobChangesOptions {
  databaseUrl: string;
  logger: Logger;
  /** Called with the id of a job that has changed; without one when any may have, because word may have been missed. */
  onChange: (jobId?: string) => void;
}

/** Listens until it is closed, and connects again by itself. */
export function listenForJobChanges(options: JobChangesOptions): { close(): Promise<void> } {
  const { databaseUrl, logger, onChange } = options;
  let closed = false;
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;

  const reconnect = (failed: pg.Client, err?: Error) => {
    if (client !== failed) return;
    client = undefined;
    clearTimeout(timer);
    void failed.end().catch(() => {});
    if (closed) return;
    logger.warn({ err }, 'word of job changes lost; connecting again');
    timer = setTimeout(connect, RECONNECT_MS);
  };
  const heartbeat = (current: pg.Client) => {
    timer = setTimeout(() => {
      current.query('SELECT 1').then(
        () => client === current && heartbeat(current),
        (err) => reconnect(current, err),
      );
    }, HEARTBEAT_MS);
  };
  const connect = () => {
    const current = new pg.Client({
      connectionString: databaseUrl,
      application_name: 'muster changes',
      connectionTimeoutMillis: ANSWER_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
      keepAlive: true,
    });
    client = current;
    current.on('notification', ({ payload }) => onChange(payload));
    current.on('error', (err) => reconnect(current, err));
    current.on('end', () => reconnect(current));
    current
      .connect()
      .then(() => current.query(`LISTEN ${CHANNEL}`))
      .then(
        () => {
          onChange();
          heartbeat(current);
        },
        (err) => reconnect(current, err),
      );
  };
  connect();

  return {
    async close() {
      closed = true;
      clearTimeout(timer);
      const open = client;
      client = undefined;
      await open?.end().catch(() => {});
    },
  };
}
