/** GET /v1/background_jobs/{job_id}: a job as it is, or as soon as it has changed. */
import { type Request, type Response, Router } from 'express';
import type { Dialect } from '#dialect/dialect';
import { isFinal } from '#job/lifecycle';
import type { ReadJob } from '#store/jobs';
import type { Authentication } from '../authenticate';
import { type ApiDeps, callerOf, jobContextOf } from '../context';
import { methodNotAllowed } from '../method-not-allowed';
import { readQuery } from '../parameters';
import { entityTag, matches, pollAfterSeconds, requireJob, requireJobId } from './find-job';
import { createJobReader } from './job-reader';
import { READ_JOB_PARAMETERS } from './parameters';

/** Mounted before the other routes ask for the key: it asks for it in the query for the job. */
export function readJobRoute(deps: ApiDeps, dialect: Dialect, caller: Authentication): Router {
  const router = Router({ caseSensitive: true });
  const readAsked = createJobReader(deps.store.pool);
  router
    .route('/v1/background_jobs/:jobId')
    .get(caller.recent, async (req, res) => {
      const { wait = 0 } = readQuery(req, READ_JOB_PARAMETERS);
      const id = requireJobId(req, res, dialect);
      const known = req.get('if-none-match');
      const { environmentId, keyId } = callerOf(res);
      let job = await readAsked({ id, environmentId, keyId });
      if (job === undefined) {
        await caller.prove(req, res);
        job = await requireJob(deps, res, id);
      }
      if (wait > 0) {
        deps.longAnswers.add('long_polls_per_key', callerOf(res).keyId, res);
        job = await awaitChange(deps, res, job, known, wait * 1000);
      }
      answer(req, res, dialect, job, known);
    })
    .all(caller.required, methodNotAllowed('GET, HEAD'));
  return router;
}

function answer(
  req: Request,
  res: Response,
  dialect: Dialect,
  job: ReadJob,
  known: string | undefined,
): void {
  const tag = entityTag(job);
  res.set('ETag', tag);
  const pollAfter = pollAfterSeconds(job, callerOf(res));
  if (pollAfter !== undefined) res.set('Retry-After', String(pollAfter));
  if (matches(known, tag)) res.status(304).end();
  else res.json(dialect.writeJob(job, jobContextOf(req, res, job.now)));
}

/**
 * The job when its status has changed or, with an entity tag, when it differs from that one; as it is then when the time
 * is over, the client has gone, or the service ends. A job that has ended is not waited for.
 */
async function awaitChange(
  deps: ApiDeps,
  res: Response,
  first: ReadJob,
  known: string | undefined,
  waitMs: number,
): Promise<ReadJob> {
  const isNews = (job: ReadJob) =>
    known === undefined ? job.status !== first.status : !matches(known, entityTag(job));
  let latest = first;
  let isOver = false;
  let look = () => {};
  const take = (job: ReadJob) => {
    if (job.revision >= latest.revision) latest = job;
  };
  const end = () => {
    isOver = true;
    look();
  };
  const unfollow = deps.jobWatch.follow(first.id, (job) => {
    if (job === undefined) return end();
    take(job);
    look();
  });
  const timer = setTimeout(end, waitMs);
  res.once('close', end);
  try {
    // Read again now that it is followed, so that no change falls in between.
    take(await requireJob(deps, res, first.id));
    await new Promise<void>((resolve) => {
      look = () => {
        if (isOver || isFinal(latest.status) || isNews(latest)) resolve();
      };
      look();
    });
    return latest;
  } finally {
    clearTimeout(timer);
    res.off('close', end);
    unfollow();
  }
}
