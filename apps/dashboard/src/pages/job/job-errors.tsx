import type { Job } from '#client/index';
import { ErrorList, ROW_HEIGHT } from '../../parts/error-list';
import { Notice } from '../../parts/notice';
import { rows } from '../../parts/numbers';
import { useRowErrors } from './use-row-errors';

/** Of the list as it will be, so that what is below does not move when it comes. */
function heightFor(failedRows: number): string {
  return `min(27rem, ${failedRows * ROW_HEIGHT}px + 3rem)`;
}

/** The rows that failed, and why. */
export function JobErrors({ job }: { job: Job }) {
  const { errors, isComplete, fault } = useRowErrors(job);
  if (job.failed_rows === 0) return null;
  return (
    <section class="panel" aria-labelledby="errors">
      <h2 id="errors">{`${rows(job.failed_rows)} failed`}</h2>
      {fault !== '' && <Notice tone="error">{fault}</Notice>}
      <div style={{ minHeight: heightFor(job.failed_rows) }} aria-busy={!isComplete}>
        {errors.length > 0 && <ErrorList errors={errors} />}
        {errors.length === 0 && !isComplete && <p class="sub">Reading the errors …</p>}
      </div>
    </section>
  );
}
