import { type Job, shownStatus } from '#client/index';

/** The state of a job as people know it. */
export function StatusBadge({ job }: { job: Pick<Job, 'status' | 'error'> }) {
  const status = shownStatus(job);
  return <span class={`badge badge-${status}`}>{status}</span>;
}
