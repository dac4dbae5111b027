/** All environments import at once, as clients that know nothing of each other; every request goes to the next API. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '#client/client';
import { type Submission, submitFile } from '../import';
import type { ClusterEnvironment } from './make-environments';
import type { Progress } from './progress';

const POLL_MS = 500;
/** An import that stands still for longer than this has been lost: the rescue of the workers needs some 15 s. */
const STANDS_STILL_MS = 60_000;

/**
 * Imports every environment's file and waits until all jobs have ended, however they ended.
 * @returns the submissions, in the order of the environments
 * @throws Error when an API refuses a request, or when a job stands still
 */
export async function importAll(
  urls: readonly string[],
  environments: readonly ClusterEnvironment[],
  progress: Progress,
): Promise<Submission[]> {
  let requests = 0;
  const nextUrl = () => urls[requests++ % urls.length] ?? '';
  return Promise.all(
    environments.map(async (environment) => {
      const submission = await submitFile(nextUrl(), environment.key, environment.ndjson);
      await watch(environment, submission.jobId, nextUrl, progress);
      return submission;
    }),
  );
}

/** Asks for the job until it has ended. */
async function watch(
  { slug, key }: ClusterEnvironment,
  jobId: string,
  nextUrl: () => string,
  progress: Progress,
): Promise<void> {
  let before = '';
  let movedMs = performance.now();
  for (;;) {
    const job = await createClient({ url: nextUrl(), apiKey: key }).job(jobId);
    progress.update(slug, job.completed_rows, job.status);
    if (job.end_time !== null) return;
    const now = `${job.status} ${job.completed_rows}`;
    if (now !== before) [before, movedMs] = [now, performance.now()];
    if (performance.now() - movedMs > STANDS_STILL_MS) {
      throw new Error(`The import of ${slug} stands still: ${now} of ${job.total_rows} rows.`);
    }
    await sleep(POLL_MS);
  }
}
