/**
 * How long the claim of an Idempotency-Key holds without being renewed. The service and its clients derive their waits
 * from this one number, so that nobody gives up before a claim ends whose process has died.
 */

/** A claim that was not renewed for this long is free. */
export const CLAIM_LEASE_MS = 10_000;

/** How often a claim is renewed while its request is received: several renewals may be lost. */
export const CLAIM_RENEWAL_MS = CLAIM_LEASE_MS / 4;

/** How long a client waits for a claim to end before it counts as one retry more: longer than any lease, also the 20 s of 0.1. */
export const OUTLAST_CLAIM_MS = 3 * CLAIM_LEASE_MS;
