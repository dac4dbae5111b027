/** The metrics of a process as Prometheus reads them, with those that come from the database. */
import { timingSafeEqual } from 'node:crypto';
import { gaugesOf } from '#metrics';
import type { Store } from '#store/client';
import { type Backlog, readBacklog } from '#store/read-backlog';

/** Scrapes that come faster than this share one look at the database. */
const FRESH_MS = 5_000;

/** @returns writes the text; what the database does not give is left out */
export function metricsWriter(store: Store): () => Promise<{ type: string; text: string }> {
  let known: { atMs: number; backlog: Promise<Backlog | undefined> } | undefined;
  return async () => {
    if (known === undefined || performance.now() - known.atMs > FRESH_MS) {
      known = { atMs: performance.now(), backlog: readBacklog(store.pool).catch(() => undefined) };
    }
    const backlog = await known.backlog;
    const { totalCount, idleCount, waitingCount } = store.pool;
    return gaugesOf({
      muster_database_connections: totalCount,
      muster_database_connections_idle: idleCount,
      muster_database_requests_waiting: waitingCount,
      muster_jobs_open: backlog?.open,
      muster_jobs_waiting: backlog?.waiting,
      muster_oldest_waiting_seconds: backlog?.oldestWaitingSeconds,
      muster_stored_import_bytes: backlog?.storedBytes,
    });
  };
}

/** Whether the header Authorization carries the token. Takes the same time for every wrong one of its length. */
export function carriesToken(authorization: string | undefined, token: string | undefined): boolean {
  if (token === undefined || authorization === undefined) return false;
  const [given, wanted] = [Buffer.from(authorization), Buffer.from(`Bearer ${token}`)];
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
