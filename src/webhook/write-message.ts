/** What a webhook is told, as text: the same at each attempt, as long as the job is. */
import { ENTITIES } from '#job/entity';
import type { Job } from '#job/job';
import { TEST_EVENT, type WebhookFormat } from './events';

export interface Told {
  event: string;
  /** Undefined for a test. */
  job: Job | undefined;
  /** When it happened. */
  at: Date;
}

/** @param describeJob the job as the API answers it */
export function writeMessage(
  { event, job, at }: Told,
  format: WebhookFormat,
  describeJob: (job: Job) => { links: string },
): string {
  const data = job === undefined ? {} : describeJob(job);
  if (format === 'standard') return JSON.stringify({ type: event, timestamp: at.toISOString(), data });
  const link = job === undefined ? '' : ` ${describeJob(job).links}`;
  return JSON.stringify({ text: `${sentenceOf(event, job)}${link}` });
}

/** With counts and nothing of a user. */
function sentenceOf(event: string, job: Job | undefined): string {
  if (event === TEST_EVENT || job === undefined) return 'This is a test of a webhook of Muster.';
  const { createdRows, updatedRows, unchangedRows, failedRows, totalRows, entity } = job;
  const ended = event.replace(/^job\./, '');
  const counts = [
    `${createdRows} created`,
    `${updatedRows} updated`,
    `${unchangedRows} unchanged`,
    `${failedRows} failed`,
  ].join(', ');
  return `The import of ${totalRows} ${ENTITIES[entity].collection} is ${ended}: ${counts}.`;
}
