/**
 * Deleting an environment with everything in it. It begins with its keys, which open nothing from then on; the worker then
 * ends its jobs and deletes its rows in batches, of every table that has an `environment_id`, and at last the environment
 * itself. Each step is a transaction that asks anew what is left, so it may be killed at any instant.
 *
 * Nobody writes to it meanwhile: slices hold their job's lock, and jobs are ended before; whoever takes something in asks
 * for the environment first (open-environment.ts).
 */
import { isFinal } from '#job/lifecycle';
import type { Store, Transaction } from './client';
import { awaitJobLock, endJob } from './move-job';
import { goByKey } from './scrub';

/** Any number that no one else locks; spells MSTX. */
const DELETION_LOCK = 0x4d535458;

/** Rows that others point to, and are deleted behind them. */
const LAST_TABLES = ['jobs', 'api_keys'];

/** Rows of one batch: as many as were deleted within this time before. */
const BATCH_MS = 200;
const MIN_BATCH_ROWS = 50;
const MAX_BATCH_ROWS = 5_000;

/**
 * Revokes the keys of the environment and leaves the rest to the worker.
 * @returns false when there is no environment of this slug; true also when it is being deleted already
 */
export async function beginDeletion(store: Store, slug: string): Promise<boolean> {
  return store.transaction(async (tx) => {
    // Waits for those who are just taking something in.
    const { rows } = await tx.query<{ id: number }>(
      'SELECT id FROM environments WHERE slug = $1 FOR UPDATE',
      [slug],
    );
    const id = rows[0]?.id;
    if (id === undefined) return false;
    await tx.query(
      'UPDATE environments SET deleting_at = clock_timestamp() WHERE id = $1 AND deleting_at IS NULL',
      [id],
    );
    await tx.query(
      'UPDATE api_keys SET revoked_at = clock_timestamp() WHERE environment_id = $1 AND revoked_at IS NULL',
      [id],
    );
    return true;
  });
}

/** What became of a step. */
export type DeletionStep = 'nothing to do' | 'more' | { deleted: string };

/** Deletes environments step by step. One runner at a time over all workers. */
export class EnvironmentDeletion {
  private batchRows = MIN_BATCH_ROWS;

  constructor(private readonly store: Store) {}

  /** @throws what kept the step from being committed; the next one is smaller */
  async step(): Promise<DeletionStep> {
    const startMs = performance.now();
    try {
      const step = await this.store.transaction((tx) => this.run(tx));
      const isQuick = performance.now() - startMs < BATCH_MS;
      this.resize(isQuick ? 2 : 0.5);
      return step;
    } catch (error) {
      this.resize(0.25);
      throw error;
    }
  }

  private resize(factor: number): void {
    const rows = Math.round(this.batchRows * factor);
    this.batchRows = Math.min(MAX_BATCH_ROWS, Math.max(MIN_BATCH_ROWS, rows));
  }

  private async run(tx: Transaction): Promise<DeletionStep> {
    const lock = await tx.query<{ granted: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS granted', [
      DELETION_LOCK,
    ]);
    if (!lock.rows[0]?.granted) return 'nothing to do';
    const { rows } = await tx.query<{ id: number; slug: string }>(
      'SELECT id, slug FROM environments WHERE deleting_at IS NOT NULL ORDER BY deleting_at LIMIT 1',
    );
    const [environment] = rows;
    if (environment === undefined) return 'nothing to do';
    await goByKey(tx);
    if (await endNextJob(tx, environment.id)) return 'more';
    const tables = await findTables(tx);
    for (const table of tables) {
      const { rowCount } = await tx.query(
        `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM ${table} WHERE environment_id = $1 LIMIT $2))`,
        [environment.id, this.batchRows],
      );
      if (rowCount !== null && rowCount > 0) return 'more';
    }
    // From here on nobody can point to it; whoever has done so before is seen.
    await tx.query('SELECT FROM environments WHERE id = $1 FOR UPDATE', [environment.id]);
    for (const table of tables) {
      const { rowCount } = await tx.query(`SELECT FROM ${table} WHERE environment_id = $1 LIMIT 1`, [
        environment.id,
      ]);
      if (rowCount === 1) return 'more';
    }
    await tx.query('DELETE FROM environments WHERE id = $1', [environment.id]);
    return { deleted: environment.slug };
  }
}

/** Ends a job that is not finished, behind the slice in work. Returns false when there is none. */
async function endNextJob(tx: Transaction, environmentId: number): Promise<boolean> {
  const { rows } = await tx.query<{ id: string }>(
    'SELECT id FROM jobs WHERE environment_id = $1 AND ended_at IS NULL LIMIT 1',
    [environmentId],
  );
  const [unfinished] = rows;
  if (unfinished === undefined) return false;
  const job = await awaitJobLock(tx, environmentId, unfinished.id);
  if (job !== undefined && !isFinal(job.status)) {
    await endJob(tx, job, 'canceled', { errorCode: 'canceled', warnings: [] });
  }
  return true;
}

/** Every table whose rows belong to an environment, quoted, in the order in which they are emptied. */
async function findTables(tx: Transaction): Promise<string[]> {
  const { rows } = await tx.query<{ name: string }>(
    `SELECT format('%I', c.table_name) AS name
     FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
     WHERE c.column_name = 'environment_id' AND c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'
     ORDER BY coalesce(array_position($1, c.table_name::text), 0), 1`,
    [LAST_TABLES],
  );
  return rows.map(({ name }) => name);
}
