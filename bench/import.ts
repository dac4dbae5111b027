/** Sends an import as a client would, and watches its job from the database, finer than the API's polling allows. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobStatus } from '#job/lifecycle';
import type { Queryable } from '#store/client';
import { toForm } from './form';
import { sendRequest } from './send-request';

const POLL_MS = 10;

export interface Submission {
  jobId: string;
  /** When the request was sent, by the clock that the database has too: both are on this machine. */
  postedAtMs: number;
  /** From then to the answer 202. */
  answeredMs: number;
}

/** Uploads a file. @throws Error when it is refused */
export function submitFile(url: string, apiKey: string, ndjson: Buffer): Promise<Submission> {
  return submit(url, apiKey, toForm('users.ndjson', 'application/x-ndjson', ndjson));
}

/** Sends a JSON body. @throws Error when it is refused */
export function submitJson(url: string, apiKey: string, body: Buffer): Promise<Submission> {
  return submit(url, apiKey, { contentType: 'application/json', body: [body] });
}

async function submit(
  url: string,
  apiKey: string,
  { contentType, body }: { contentType: string; body: readonly Buffer[] },
): Promise<Submission> {
  const postedAtMs = Date.now();
  const begun = performance.now();
  const answer = await sendRequest({
    method: 'POST',
    url: `${url}/v1/users/bulk_identify`,
    authorization: `Token ${apiKey}`,
    contentType,
    body,
  });
  const { job_id: jobId } = JSON.parse(answer) as { job_id: string };
  return { jobId, postedAtMs, answeredMs: performance.now() - begun };
}

export interface FinishedJob {
  created: number;
  updated: number;
  unchanged: number;
  /** As the job itself has them, in milliseconds since 1970. */
  submittedAtMs: number;
  startedAtMs: number;
  endedAtMs: number;
  /** How long it was seen in each state; some milliseconds off. */
  stagesMs: Partial<Record<JobStatus, number>>;
}

interface SeenJob extends FinishedJob {
  status: JobStatus;
  failed: number;
  nowMs: number;
}

/** Waits for the end. @throws Error when it is not `completed`, or rows failed */
export async function finish(database: Queryable, jobId: string): Promise<FinishedJob> {
  const stagesMs: FinishedJob['stagesMs'] = {};
  for (let before: SeenJob | undefined; ; ) {
    const job = await look(database, jobId);
    if (before !== undefined) {
      stagesMs[before.status] = (stagesMs[before.status] ?? 0) + job.nowMs - before.nowMs;
    }
    before = job;
    if (Number.isFinite(job.endedAtMs)) {
      if (job.status !== 'completed' || job.failed > 0) {
        throw new Error(`Job ${jobId} is ${job.status}, ${job.failed} rows failed.`);
      }
      return { ...job, stagesMs };
    }
    await sleep(POLL_MS);
  }
}

async function look(database: Queryable, jobId: string): Promise<SeenJob> {
  const { rows } = await database.query<SeenJob>({
    name: 'bench-look',
    text: `SELECT status, created_rows AS created, updated_rows AS updated, unchanged_rows AS unchanged,
                  failed_rows AS failed, ${epochMs('submitted_at')} AS "submittedAtMs",
                  coalesce(${epochMs('started_at')}, 'NaN') AS "startedAtMs",
                  coalesce(${epochMs('ended_at')}, 'NaN') AS "endedAtMs", ${epochMs('clock_timestamp()')} AS "nowMs"
           FROM jobs WHERE id = $1`,
    values: [jobId],
  });
  const [job] = rows;
  if (job === undefined) throw new Error(`There is no job ${jobId}.`);
  return job;
}

function epochMs(timestamp: string): string {
  return `(extract(epoch FROM ${timestamp}) * 1000)::float8`;
}
