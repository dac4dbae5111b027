import type { Job, JobStatus } from '#client/index';

/** As on the wire, but that a canceled job is called so: there it is `failed` with the code `canceled`. */
export type ShownStatus = JobStatus | 'canceled';

export function shownStatus({ status, error }: Pick<Job, 'status' | 'error'>): ShownStatus {
  return error?.code === 'canceled' ? 'canceled' : status;
}

export function StatusBadge({ job }: { job: Pick<Job, 'status' | 'error'> }) {
  const status = shownStatus(job);
  return <span class={`badge badge-${status}`}>{status}</span>;
}
