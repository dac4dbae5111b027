/**
 * Idempotency keys of requests. A key is claimed before the body is read and belongs to a job from the transaction that
 * makes the job; a claim that is not renewed is free again, because its process has died.
 */
import type { Queryable, Transaction } from './client';
import { erasedKey } from './scrub-keys';

/** A claim that was not renewed for this long is free. */
const CLAIM_LEASE_MS = 20_000;
/** How often a claim is renewed while its request is received. */
export const CLAIM_RENEWAL_MS = 5_000;

/** A key of an environment and the job that its request makes. */
export interface KeyClaim {
  environmentId: number;
  key: string;
  jobId: string;
}

/** What is known of a key that another request has. */
export interface KnownKey {
  jobId: string;
  /** SHA-256 of the body and the parameters; null while the request is still being received. */
  requestHash: Buffer | null;
  /** Body of the 202; null as long as the hash is. */
  response: string | null;
}

/** Claims the key. Returns what is known of it when somebody else has it. */
export async function claimKey(db: Queryable, claim: KeyClaim): Promise<KnownKey | undefined> {
  const { rowCount } = await db.query(
    `INSERT INTO idempotency_keys AS k (environment_id, key, job_id, claimed_at)
     SELECT $1::int, $2::text, $3::uuid, clock_timestamp()
     WHERE NOT EXISTS (SELECT FROM idempotency_keys WHERE environment_id = $1 AND key = $5)
     ON CONFLICT (environment_id, key) DO UPDATE SET job_id = excluded.job_id, claimed_at = excluded.claimed_at
     WHERE k.request_hash IS NULL AND k.claimed_at < clock_timestamp() - $4 * interval '1 millisecond'`,
    [claim.environmentId, claim.key, claim.jobId, CLAIM_LEASE_MS, erasedKey(claim.key)],
  );
  if (rowCount === 1) return undefined;
  const { rows } = await db.query<KnownKey>(
    `SELECT job_id AS "jobId", request_hash AS "requestHash", response FROM idempotency_keys
     WHERE environment_id = $1 AND key IN ($2, $3) ORDER BY request_hash IS NULL LIMIT 1`,
    [claim.environmentId, claim.key, erasedKey(claim.key)],
  );
  // Let go of in this instant: the next try of the client will get it.
  return rows[0] ?? { jobId: claim.jobId, requestHash: null, response: null };
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
