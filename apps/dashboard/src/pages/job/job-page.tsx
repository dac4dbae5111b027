/** One job, as it goes. */
import { useMemo } from 'preact/hooks';
import { isFinished, type Job, shownStatus } from '#client/index';
import { Empty } from '../../parts/empty';
import { Heading } from '../../parts/heading';
import { Notice } from '../../parts/notice';
import { count } from '../../parts/numbers';
import { StatusBadge } from '../../parts/status-badge';
import { Link } from '../../route/link';
import { jobAddress } from '../../route/route';
import { useEnvironment } from '../../session/environment';
import { jobTitle } from '../jobs/job-table';
import { Downloads } from './downloads';
import { JobActions } from './job-actions';
import { JobErrors } from './job-errors';
import { JobFacts } from './job-facts';
import { JobWarnings } from './job-warnings';
import { Lifecycle } from './lifecycle';
import { ratesOf } from './measure-rate';
import { RatePlot } from './rate-plot';
import { useJob } from './use-job';

export function JobPage({ jobId }: { jobId: string }) {
  const { job, seenAtMs, samples, fault, update } = useJob(jobId);
  const environment = useEnvironment();
  const points = useMemo(() => ratesOf(samples), [samples]);
  if (job === undefined) {
    return (
      <>
        <Heading title="Job" />
        {fault === '' ? (
          <div class="panel waiting" aria-busy="true" />
        ) : (
          <Empty title={fault}>
            <p>
              <Link to="/">Go to the jobs</Link>
            </p>
          </Empty>
        )}
      </>
    );
  }
  // A job that was over before this page was opened has nothing to plot.
  const isPlotted = !job.dry_run && (!isFinished(job) || points.length > 1);
  return (
    <>
      <JobHead job={job} onChange={update} />
      {fault !== '' && <Notice tone="error">{fault}</Notice>}
      <JobError job={job} />
      <section class="panel" aria-label="Lifecycle">
        <Lifecycle job={job} />
      </section>
      <div class={isPlotted ? 'columns' : ''}>
        <JobFacts job={job} seenAtMs={seenAtMs} />
        {isPlotted && (
          <section class="panel" aria-labelledby="rate">
            <h2 id="rate">Rows a minute</h2>
            <RatePlot points={points} limit={environment?.users_per_minute || undefined} />
          </section>
        )}
      </div>
      <JobWarnings job={job} />
      <JobErrors job={job} />
      {isFinished(job) && <Downloads job={job} />}
    </>
  );
}

function JobHead({ job, onChange }: { job: Job; onChange(job: Job): void }) {
  return (
    <div class="page-head">
      <div>
        <p class="crumbs">
          <Link to="/">Jobs</Link>
        </p>
        <Heading title={jobTitle(job)} />
        <p class="job-tags">
          <StatusBadge job={job} />
          {job.dry_run && <span class="badge">dry run</span>}
          {job.queue_position !== null && (
            <span class="badge">{`place ${count(job.queue_position)} in line`}</span>
          )}
          <code class="job-id">{job.job_id}</code>
        </p>
        {job.parent_job_id !== null && (
          <p class="sub">
            A retry of <Link to={jobAddress(job.parent_job_id)}>{job.parent_job_id.slice(0, 8)}</Link>
          </p>
        )}
      </div>
      <JobActions job={job} onChange={onChange} />
    </div>
  );
}

function JobError({ job }: { job: Job }) {
  if (job.error === null) return null;
  return <Notice tone={shownStatus(job) === 'canceled' ? 'plain' : 'error'}>{job.error.message}</Notice>;
}
