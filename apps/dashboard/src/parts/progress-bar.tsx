import type { Job } from '#client/index';
import { percent, rows } from './numbers';

const OUTCOMES = ['created', 'updated', 'unchanged', 'failed'] as const;

/** How far a job is, and how much of it became what. */
export function ProgressBar({ job, label }: { job: Job; label: string }) {
  const { total_rows: total, completed_rows: completed } = job;
  return (
    <div
      class="progress"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={total}
      aria-valuenow={completed}
      aria-valuetext={`${percent(completed, total)} of ${rows(total)}`}
    >
      {OUTCOMES.map((outcome) => (
        <span
          key={outcome}
          class={`progress-part outcome-${outcome}`}
          style={{ width: `${total === 0 ? 0 : (job[`${outcome}_rows`] * 100) / total}%` }}
        />
      ))}
    </div>
  );
}
