/**
 * GET /v1/background_jobs/{job_id}/events: the job on every change as Server-Sent Events (HTML standard, 9.2), the last
 * one when it has ended. A client that comes back with Last-Event-ID gets what it does not have; when that is nothing
 * any more, 204, which tells an EventSource not to come back.
 */
import { type Response, Router } from 'express';
import type { Dialect } from '#dialect/dialect';
import { isFinal } from '#job/lifecycle';
import type { ReadJob } from '#store/jobs';
import { PRIVATE } from '../authenticate';
import { type ApiDeps, callerOf, jobContextOf } from '../context';
import { methodNotAllowed } from '../method-not-allowed';
import { NO_PARAMETERS, readQuery } from '../parameters';
import { writePart } from '../write-part';
import { entityTag, requireJob, requireJobId } from './find-job';

/** Shorter than the idle time after which proxies hang up. */
const KEEP_ALIVE_MS = 15_000;
const RECONNECT_MS = 2_000;

export function streamEvents(deps: ApiDeps, dialect: Dialect): Router {
  const router = Router({ caseSensitive: true });
  router
    .route('/v1/background_jobs/:jobId/events')
    .get(async (req, res) => {
      readQuery(req, NO_PARAMETERS);
      const id = requireJobId(req, res, dialect);
      deps.longAnswers.add('events_per_key', callerOf(res).keyId, res);
      const jobs = new LatestJob();
      const unfollow = deps.jobWatch.follow(id, (job) => jobs.offer(job));
      res.once('close', () => jobs.offer(undefined));
      try {
        const first = await requireJob(deps, res, id);
        const lastId = req.get('last-event-id');
        if (lastId !== eventId(first)) jobs.offer(first);
        else if (isFinal(first.status)) {
          res.status(204).end();
          return;
        }
        res.status(200).set({
          'Content-Type': 'text/event-stream',
          'Cache-Control': `${PRIVATE}, no-transform`,
          // nginx would collect the events otherwise.
          'X-Accel-Buffering': 'no',
        });
        res.write(`retry: ${RECONNECT_MS}\n\n`);
        if (req.method === 'HEAD') res.end();
        else {
          await sendEvents(res, jobs, (job) => dialect.writeJob(job, jobContextOf(req, res, job.now)));
        }
      } finally {
        unfollow();
      }
    })
    .all(methodNotAllowed('GET, HEAD'));
  return router;
}

async function sendEvents(res: Response, jobs: LatestJob, show: (job: ReadJob) => object): Promise<void> {
  const keepAlive = setInterval(() => res.destroyed || res.write(': still here\n\n'), KEEP_ALIVE_MS);
  try {
    for (let sent: ReadJob | undefined; ; ) {
      const job = await jobs.take();
      if (job === undefined || res.destroyed) break;
      // Word and the first look may come in any order, and some word is of no change at all.
      if (sent !== undefined && (job.revision < sent.revision || eventId(job) === eventId(sent))) continue;
      sent = job;
      const event = `id: ${eventId(job)}\nevent: job\ndata: ${JSON.stringify(show(job))}\n\n`;
      // A slow client gets the latest state when it is ready for it, not every state in between.
      if (!(await writePart(res, event)) || isFinal(job.status)) break;
    }
  } finally {
    clearInterval(keepAlive);
    res.end();
  }
}

function eventId(job: ReadJob): string {
  return entityTag(job).replaceAll(/[W/"]/g, '');
}

/** Holds the latest state that was not sent yet. */
class LatestJob {
  private latest: ReadJob | undefined;
  private isOver = false;
  private wake: () => void = () => {};

  /** @param job undefined = nothing more will come */
  offer(job: ReadJob | undefined): void {
    if (job === undefined) this.isOver = true;
    else if (this.latest === undefined || job.revision >= this.latest.revision) this.latest = job;
    this.wake();
  }

  /** Waits for the next state; undefined when nothing more will come. */
  async take(): Promise<ReadJob | undefined> {
    while (this.latest === undefined && !this.isOver) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    const job = this.isOver ? undefined : this.latest;
    this.latest = undefined;
    return job;
  }
}
