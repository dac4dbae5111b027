/** Reads what came out of the queue: anybody who reaches it may have written there. */
import type { Delivery } from './delivery-queue';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The delivery without anything else; undefined when it is none. */
export function readDelivery(data: unknown): Delivery | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  const { jobId, revision } = data as Record<string, unknown>;
  if (typeof jobId !== 'string' || !UUID.test(jobId)) return undefined;
  return Number.isInteger(revision) ? { jobId, revision: revision as number } : undefined;
}
