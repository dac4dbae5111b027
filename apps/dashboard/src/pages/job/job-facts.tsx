/** How far the job is: bar, counts and times. */
import { useEffect, useState } from 'preact/hooks';
import { isFinished, type Job } from '#client/index';
import { Detail } from '../../parts/detail';
import { bytes, count, duration, percent, rows } from '../../parts/numbers';
import { ProgressBar } from '../../parts/progress-bar';
import { Time, useNow } from '../../parts/time';

const OUTCOMES = ['created', 'updated', 'unchanged', 'failed'] as const;
/** Between two words to those who listen. */
const QUARTERS = 4;

export function JobFacts({ job, seenAtMs }: { job: Job; seenAtMs: number }) {
  const isOver = isFinished(job);
  const nowMs = useNow(1_000);
  // Between two words of the service the seconds are counted here.
  const sinceSeconds = isOver ? 0 : Math.max(0, (nowMs - seenAtMs) / 1000);
  const left = job.total_rows - job.completed_rows;
  return (
    <section class="panel facts" aria-label="Progress">
      <div class="facts-head">
        <p class="big">
          {percent(job.completed_rows, job.total_rows)}
          <span class="sub">{`${count(job.completed_rows)} of ${rows(job.total_rows)}`}</span>
        </p>
        <p class="eta">
          {isOver ? 'took ' : 'about '}
          <strong>{duration(isOver ? job.elapsed_time : Math.max(1, job.eta_seconds - sinceSeconds))}</strong>
          {isOver ? '' : ' left'}
        </p>
      </div>
      <ProgressBar job={job} label="Progress of the job" />
      <dl class="counts">
        {OUTCOMES.map((outcome) => (
          <div key={outcome} class={outcome === 'failed' && job.failed_rows > 0 ? 'bad' : ''}>
            <dt>
              <span class={`swatch outcome-${outcome}`} aria-hidden="true" /> {outcome}
            </dt>
            <dd>{count(job[`${outcome}_rows`])}</dd>
          </div>
        ))}
        <div>
          <dt>
            <span class="swatch" aria-hidden="true" /> unprocessed
          </dt>
          <dd>{count(left)}</dd>
        </div>
      </dl>
      <dl class="details">
        <Detail name="Submitted">
          <Time at={job.submitted_at} />
        </Detail>
        <Detail name={isOver ? 'Duration' : 'Running for'}>
          {duration(job.elapsed_time + sinceSeconds)}
        </Detail>
        <Detail name="File size">{bytes(job.file_size)}</Detail>
        <Detail name="Kind">{job.type === 'bulk_identify_users' ? 'users' : 'companies'}</Detail>
      </dl>
      <Spoken job={job} />
    </section>
  );
}

/** For screen readers: the status, and each quarter of the way. */
function Spoken({ job }: { job: Job }) {
  const quarter = Math.floor((job.completed_rows * QUARTERS) / Math.max(1, job.total_rows));
  const [text, setText] = useState('');
  useEffect(() => {
    setText(`${job.status}, ${(quarter * 100) / QUARTERS}% done`);
  }, [job.status, quarter]);
  return (
    <p class="sr-only" aria-live="polite">
      {text}
    </p>
  );
}
