import type { Job } from '#client/index';
import { ErrorList } from '../../parts/error-list';
import { Notice } from '../../parts/notice';
import { rows } from '../../parts/numbers';
import { useRowErrors } from './use-row-errors';

/** The rows that failed, and why. */
export function JobErrors({ job }: { job: Job }) {
  const { errors, isComplete, fault } = useRowErrors(job);
  if (job.failed_rows === 0) return null;
  return (
    <section class="panel" aria-labelledby="errors">
      <h2 id="errors">{`${rows(job.failed_rows)} failed`}</h2>
      {fault !== '' && <Notice tone="error">{fault}</Notice>}
      <div class="errors-box" aria-busy={!isComplete}>
        {errors.length > 0 && <ErrorList errors={errors} />}
      </div>
    </section>
  );
}
