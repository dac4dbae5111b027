/** Makes sure that a request with an Idempotency-Key is done once, however often it comes and to whichever process. */
import { AppError } from '#errors';
import { CLAIM_RENEWAL_MS } from '#job/claim-lease';
import type { Logger } from '#logger';
import type { Store, Transaction } from '#store/client';
import {
  claimKey,
  type KeyClaim,
  type KnownKey,
  readKey,
  releaseClaim,
  renewClaim,
  settleClaim,
} from '#store/idempotency-keys';

/** A request that was done before: what it was and what it was answered. */
export interface KnownRequest {
  jobId: string;
  requestHash: Buffer;
  /** Body of the 202. */
  response: string;
}

/** This request is the one that does it. */
export interface RequestClaim {
  /** Ties the key to the job, in the transaction that makes it. @throws AppError idempotency_key_in_flight when it was lost */
  settle(tx: Transaction, requestHash: Buffer, response: string): Promise<void>;
  /** The request has failed: the key may be used again. Never throws. */
  release(): Promise<void>;
  /** The request is over, whatever its end. */
  end(): void;
}

/**
 * Claims the key, or finds what it was used for.
 * @param claim with the id that the job will have
 * @throws AppError idempotency_key_in_flight while another request with this key is being received
 */
export async function claimRequest(
  claim: KeyClaim,
  { store, logger }: { store: Store; logger: Logger },
): Promise<{ claim: RequestClaim } | { known: KnownRequest }> {
  const known = await claimKey(store.pool, claim);
  if (known !== undefined) {
    const { jobId, requestHash, response } = known;
    if (requestHash === null || response === null) throw inFlight(known);
    return { known: { jobId, requestHash, response } };
  }
  const renewal = setInterval(() => {
    renewClaim(store.pool, claim).catch((err) => logger.warn({ err }, 'idempotency key not renewed'));
  }, CLAIM_RENEWAL_MS);
  return {
    claim: {
      async settle(tx, requestHash, response) {
        if (!(await settleClaim(tx, claim, requestHash, response))) throw inFlight(await readKey(tx, claim));
      },
      async release() {
        // What fails here is free by itself after the lease.
        await releaseClaim(store.pool, claim).catch((err) =>
          logger.warn({ err }, 'idempotency key not released'),
        );
      },
      end: () => clearInterval(renewal),
    },
  };
}

/** Retry-After is what is left of the lease: then the key is free if the process of the first request has died. */
function inFlight({ leaseSecondsLeft }: KnownKey): AppError {
  return new AppError('idempotency_key_in_flight', {
    details: `If the first request is gone, the key is free in ${leaseSecondsLeft} s at the latest.`,
    retryAfterSeconds: leaseSecondsLeft,
  });
}
