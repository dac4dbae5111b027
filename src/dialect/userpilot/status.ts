/**
 * Userpilot's list of states is closed and has no canceled: a canceled job is shown as failed, with the error code
 * canceled. Nothing else in the service knows.
 */
import { type JobStatus, STATUSES } from '#job/lifecycle';

const SHOWN_AS = { canceled: 'failed' } as const satisfies Partial<Record<JobStatus, JobStatus>>;

/** A state of the wire. */
export type WireStatus = Exclude<JobStatus, keyof typeof SHOWN_AS>;

export const WIRE_STATUSES: readonly WireStatus[] = STATUSES.filter(isWireStatus);

function isWireStatus(status: JobStatus): status is WireStatus {
  return !Object.hasOwn(SHOWN_AS, status);
}

/** What the wire calls the state. */
export function writeStatus(status: JobStatus): WireStatus {
  return isWireStatus(status) ? status : SHOWN_AS[status];
}

/** The states that the wire calls so. */
export function readStatus(shown: JobStatus): JobStatus[] {
  return STATUSES.filter((status) => writeStatus(status) === shown);
}
