import type { Job } from '#client/index';
import { count, duration, percent } from '../../parts/numbers';
import { ProgressBar } from '../../parts/progress-bar';
import { StatusBadge } from '../../parts/status-badge';
import { Time } from '../../parts/time';
import { Link } from '../../route/link';
import { jobAddress } from '../../route/route';

export function JobTable({ jobs }: { jobs: readonly Job[] }) {
  return (
    <div class="panel table-panel">
      <table class="jobs">
        <thead>
          <tr>
            <th scope="col">Job</th>
            <th scope="col">Status</th>
            <th scope="col">Progress</th>
            <th scope="col" class="number">
              Failed
            </th>
            <th scope="col" class="number">
              Duration
            </th>
            <th scope="col" class="number">
              Submitted
            </th>
          </tr>
        </thead>
        <tbody>
          {jobs.map((job) => (
            <JobRow key={job.job_id} job={job} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function JobRow({ job }: { job: Job }) {
  const title = jobTitle(job);
  return (
    <tr>
      <td class="job-name">
        <Link to={jobAddress(job.job_id)} class="row-link">
          {title}
        </Link>
        <span class="sub">
          {job.type === 'bulk_identify_users' ? 'users' : 'companies'}
          {job.dry_run && ' · dry run'}
          {job.parent_job_id !== null && ' · retry'}
          {` · ${job.job_id.slice(0, 8)}`}
        </span>
      </td>
      <td class="job-status">
        <StatusBadge job={job} />
        {job.queue_position !== null && (
          <span class="sub">{`place ${count(job.queue_position)} in line`}</span>
        )}
      </td>
      <td class="job-progress">
        <ProgressBar job={job} label={`Progress of ${title}`} />
        <span class="sub">
          {`${count(job.completed_rows)} of ${count(job.total_rows)} · ${percent(job.completed_rows, job.total_rows)}`}
        </span>
      </td>
      <td class={`number job-failed ${job.failed_rows > 0 ? 'bad' : 'none'}`}>
        {count(job.failed_rows)}
        <span class="phone-only"> failed</span>
      </td>
      <td class="number job-duration">{duration(job.elapsed_time)}</td>
      <td class="number job-time">
        <Time at={job.submitted_at} />
      </td>
    </tr>
  );
}

/** What a job is called: its file, where it has one. */
export function jobTitle({ filename, type }: Pick<Job, 'filename' | 'type'>): string {
  if (filename !== '') return filename;
  return type === 'bulk_identify_users' ? 'Users sent as JSON' : 'Companies sent as JSON';
}
