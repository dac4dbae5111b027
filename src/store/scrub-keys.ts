/**
 * What clients name themselves and what may so hold somebody's id or value: metadata keys, in the catalogue and in
 * warnings, and what Idempotency-Keys answer. Each is read whole by pages and compared by the caller.
 */
import { createHash } from 'node:crypto';
import { type JobWarning, type Observations, packObservations, unpackObservations } from '#job/observations';
import type { Transaction } from './client';
import { RESCUE_SOON } from './scrub';

const PAGE_ROWS = 1_000;

/** What a job says about metadata keys. */
export interface JobKeys {
  warnings: JobWarning[];
  /** Of what validation saw; empty once the job has ended. */
  observations: Observations;
}

/**
 * Undefined when the job has gone meanwhile.
 * @param isLocked to be written again; waits for the slice in work
 */
export async function readJobKeys(
  tx: Transaction,
  jobId: string,
  isLocked: boolean,
): Promise<JobKeys | undefined> {
  const { rows } = await tx.query<{ warnings: JobWarning[]; observations: unknown }>(
    `SELECT warnings, observations FROM jobs WHERE id = $1 ${isLocked ? 'FOR UPDATE' : ''}`,
    [jobId],
  );
  return rows[0] && { warnings: rows[0].warnings, observations: unpackObservations(rows[0].observations) };
}

export async function writeJobKeys(
  tx: Transaction,
  jobId: string,
  { warnings, observations }: JobKeys,
): Promise<void> {
  await tx.query(
    `UPDATE jobs SET warnings = $2::jsonb, observations = $3::jsonb, ${RESCUE_SOON} WHERE id = $1`,
    [jobId, JSON.stringify(warnings), packObservations(observations)],
  );
}

/** Removes what a job was warned of, and what validation saw, of keys that are told by `isErased`. Returns whether there was any. */
export async function scrubObservations(
  tx: Transaction,
  jobId: string,
  isErased: (key: string) => boolean,
): Promise<boolean> {
  let isChanged = false;
  for (const [table, column] of [
    ['job_warnings', 'path'],
    ['observed_properties', 'key'],
  ] as const) {
    const ofJob = `environment_id = (SELECT environment_id FROM jobs WHERE id = $1) AND job_id = $1`;
    const { rows } = await tx.query<{ key: string }>(
      `SELECT DISTINCT ${column} AS key FROM ${table} WHERE ${ofJob}`,
      [jobId],
    );
    const keys = rows.map(({ key }) => key).filter(isErased);
    if (keys.length === 0) continue;
    isChanged = true;
    await tx.query(`DELETE FROM ${table} WHERE ${ofJob} AND ${column} = ANY ($2)`, [jobId, keys]);
  }
  return isChanged;
}

/** Removes those properties from an environment's catalogue whose key is told by `isErased`. */
export async function scrubProperties(
  tx: Transaction,
  environmentId: number,
  isErased: (key: string) => boolean,
): Promise<void> {
  for (let after = ''; ; ) {
    const { rows } = await tx.query<{ key: string }>(
      `SELECT DISTINCT key FROM properties WHERE environment_id = $1 AND key > $2 COLLATE "C" ORDER BY key LIMIT ${PAGE_ROWS}`,
      [environmentId, after],
    );
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.key;
    const keys = rows.map(({ key }) => key).filter(isErased);
    if (keys.length === 0) continue;
    await tx.query('DELETE FROM properties WHERE environment_id = $1 AND key = ANY ($2)', [
      environmentId,
      keys,
    ]);
  }
}

/** What is kept of an Idempotency-Key that holds an id or a value of somebody who was erased: it is still known by it. */
export function erasedKey(key: string): string {
  return `erased:${createHash('sha256').update(key).digest('hex')}`;
}

/**
 * Goes through the Idempotency-Keys of an environment.
 * @param rewrite gives the response as it may stay
 */
export async function scrubIdempotencyKeys(
  tx: Transaction,
  environmentId: number,
  isErased: (key: string) => boolean,
  rewrite: (response: string) => string,
): Promise<void> {
  for (let after = ''; ; ) {
    const { rows } = await tx.query<{ key: string; response: string }>(
      `SELECT key, response FROM idempotency_keys
       WHERE environment_id = $1 AND key > $2 AND response IS NOT NULL ORDER BY key LIMIT ${PAGE_ROWS}`,
      [environmentId, after],
    );
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.key;
    for (const { key, response } of rows) {
      const kept = isErased(key) ? erasedKey(key) : key;
      const answer = rewrite(response);
      if (kept === key && answer === response) continue;
      await tx.query(
        'UPDATE idempotency_keys SET key = $3, response = $4 WHERE environment_id = $1 AND key = $2',
        [environmentId, key, kept, answer],
      );
    }
  }
}
