/** The states of a job as a drawing, made from the table of moves, with the one that it is in. */
import { type Job, type JobStatus, type ShownStatus, shownStatus } from '#client/index';
import { TRANSITIONS } from '#job/lifecycle';

const SAID: Readonly<Record<ShownStatus, string>> = {
  queued: 'Accepted',
  validating: 'Checks rows',
  processing: 'Applies rows',
  pending_refresh: 'Catalogues',
  completed: 'Done',
  failed: 'Ended early',
  canceled: 'Ended by you',
};

/** The way of a job to which nothing happens: the first move of each state. */
function wayOf(): JobStatus[] {
  const way: JobStatus[] = [];
  for (let at: keyof typeof TRANSITIONS | undefined = 'queued'; at !== undefined; at = TRANSITIONS[at][0]) {
    if (at !== 'canceled') way.push(at);
  }
  return way;
}

const WAY = wayOf();

export function Lifecycle({ job }: { job: Job }) {
  const status = shownStatus(job);
  const isCutShort = status === 'failed' || status === 'canceled';
  const steps: ShownStatus[] = isCutShort ? [...WAY.slice(0, -1), status] : WAY;
  const at = steps.indexOf(status);
  return (
    <ol class={`lifecycle ${isCutShort ? 'lifecycle-cut' : ''}`} aria-label="Lifecycle">
      {steps.map((step, index) => (
        <li
          key={step}
          class={`step ${stepClass(index, at, status, isCutShort)}`}
          aria-current={index === at ? 'step' : undefined}
        >
          <span class="step-dot" aria-hidden="true" />
          <span class="step-name">{step}</span>
          <span class="sub">{SAID[step]}</span>
        </li>
      ))}
    </ol>
  );
}

/** Of a job that was cut short nobody knows how far it had come: its steps are neither done nor to come. */
function stepClass(index: number, at: number, status: ShownStatus, isCutShort: boolean): string {
  if (index > at) return 'step-ahead';
  if (index === at) return status === 'completed' || isCutShort ? `step-end step-${status}` : 'step-now';
  return isCutShort ? 'step-unknown' : 'step-done';
}
