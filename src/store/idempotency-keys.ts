/**
 * Idempotency keys of requests. A key is claimed before the body is read and belongs to a job from the transaction that
 * makes the job. A claim is free again when its process is known to be dead, because nobody holds the process lock that
 * the claim names, and otherwise when it was not renewed for the length of the lease.
 *
 * Either may be wrong about a process that is alive. That is no danger: a claim is known by its job id, and settleClaim
 * refuses in the transaction that makes the job when the key has another one by then. So two requests never make two jobs.
 */
import { CLAIM_LEASE_MS } from '#job/claim-lease';
import type { Queryable, Transaction } from './client';
import { erasedKey } from './scrub-keys';

/** A key of an environment and the job that its request makes. */
export interface KeyClaim {
  environmentId: number;
  key: string;
  jobId: string;
  /** Number of the lock that the claiming process holds while it lives; undefined: the lease alone ends the claim. */
  processLock?: string | undefined;
}

/** What is known of a key that another request has. */
export interface KnownKey {
  jobId: string;
  /** SHA-256 of the body and the parameters; null while the request is still being received. */
  requestHash: Buffer | null;
  /** Body of the 202; null as long as the hash is. */
  response: string | null;
  /** Seconds, rounded up, until the claim ends unless it is renewed; at least 1. */
  leaseSecondsLeft: number;
}

/** Claims the key. Returns what is known of it when somebody else has it. */
export async function claimKey(db: Queryable, claim: KeyClaim): Promise<KnownKey | undefined> {
  // The lock is only tried, shared, for the moment of the statement: so that those who look do not meet each other.
  const { rowCount } = await db.query(
    `INSERT INTO idempotency_keys AS k (environment_id, key, job_id, process_lock, claimed_at)
     SELECT $1::int, $2::text, $3::uuid, $5::bigint, clock_timestamp()
     WHERE NOT EXISTS (SELECT FROM idempotency_keys WHERE environment_id = $1 AND key = $6)
     ON CONFLICT (environment_id, key) DO UPDATE
       SET job_id = excluded.job_id, process_lock = excluded.process_lock, claimed_at = excluded.claimed_at
     WHERE k.request_hash IS NULL
       AND CASE WHEN k.claimed_at < clock_timestamp() - $4 * interval '1 millisecond' THEN true
                WHEN k.process_lock IS NULL THEN false
                ELSE pg_try_advisory_xact_lock_shared(k.process_lock) END`,
    [
      claim.environmentId,
      claim.key,
      claim.jobId,
      CLAIM_LEASE_MS,
      claim.processLock ?? null,
      erasedKey(claim.key),
    ],
  );
  return rowCount === 1 ? undefined : readKey(db, claim);
}

/** What is known of the key of a claim that failed or was lost. */
export async function readKey(db: Queryable, claim: KeyClaim): Promise<KnownKey> {
  const { rows } = await db.query<KnownKey>(
    `SELECT job_id AS "jobId", request_hash AS "requestHash", response,
       greatest(1, ceil($3 / 1000.0 - extract(epoch FROM clock_timestamp() - claimed_at)))::int AS "leaseSecondsLeft"
     FROM idempotency_keys WHERE environment_id = $1 AND key IN ($2, $4) ORDER BY request_hash IS NULL LIMIT 1`,
    [claim.environmentId, claim.key, CLAIM_LEASE_MS, erasedKey(claim.key)],
  );
  // Let go of in this instant: the next try of the client will get it.
  return rows[0] ?? { jobId: claim.jobId, requestHash: null, response: null, leaseSecondsLeft: 1 };
}

/** Says that the request is still being received. */
export async function renewClaim(db: Queryable, claim: KeyClaim): Promise<void> {
  await db.query(
    `UPDATE idempotency_keys SET claimed_at = clock_timestamp() WHERE ${IS_MINE}`,
    values(claim),
  );
}

/** The request has failed: its key is free. Does nothing when its job was made after all. */
export async function releaseClaim(db: Queryable, claim: KeyClaim): Promise<void> {
  await db.query(`DELETE FROM idempotency_keys WHERE ${IS_MINE}`, values(claim));
}

/** Ties the key to the job that this transaction makes. Returns false when the claim was lost to another request. */
export async function settleClaim(
  tx: Transaction,
  claim: KeyClaim,
  requestHash: Buffer,
  response: string,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `UPDATE idempotency_keys SET request_hash = $4, response = $5, claimed_at = clock_timestamp() WHERE ${IS_MINE}`,
    [...values(claim), requestHash, response],
  );
  return rowCount === 1;
}

/** Forgets keys that are older than this. */
export async function deleteExpiredKeys(db: Queryable, hours: number): Promise<void> {
  await db.query(
    "DELETE FROM idempotency_keys WHERE claimed_at < clock_timestamp() - $1 * interval '1 hour'",
    [hours],
  );
}

const IS_MINE = 'environment_id = $1 AND key = $2 AND job_id = $3 AND request_hash IS NULL';

function values({ environmentId, key, jobId }: KeyClaim): unknown[] {
  return [environmentId, key, jobId];
}
