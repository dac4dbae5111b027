/** The wire shows a canceled job as failed, with the error code canceled. This is the only place that tells them apart. */
import type { Job, JobStatus } from './api';

/** A state of a job as people know it. */
export type ShownStatus = JobStatus | 'canceled';

/** The state of the job: as on the wire, or `canceled`. */
export function shownStatus({ status, error }: Pick<Job, 'status' | 'error'>): ShownStatus {
  return error?.code === 'canceled' ? 'canceled' : status;
}

/** What the wire calls the state. */
export function wireStatus(status: ShownStatus): JobStatus {
  return status === 'canceled' ? 'failed' : status;
}
