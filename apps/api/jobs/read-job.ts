/** GET /v1/background_jobs/{job_id}: a job as it is, or as soon as it has changed. */
import { type Request, type Response, Router } from 'express';
import type { Dialect } from '#dialect/dialect';
import { isFinal } from '#job/lifecycle';
import type { ReadJob } from '#store/jobs';
import { type ApiDeps, callerOf, jobContextOf } from '../context';
import { methodNotAllowed } from '../method-not-allowed';
import { readQuery } from '../parameters';
import { entityTag, matches, pollAfterSeconds, requireJob, requireJobId } from './find-job';
import { READ_JOB_PARAMETERS } from './parameters';

export function readJobRoute(deps: ApiDeps, dialect: Dialect): Router {
  const router = Router();
  router
    .route('/v1/background_jobs/:jobId')
    .get(async (req, res) => {
      const { wait = 0 } = readQuery(req, READ_JOB_PARAMETERS);
      const id = requireJobId(req, res);
      const known = req.get('if-none-match');
      const job =
        wait > 0 ? await awaitChange(deps, res, id, known, wait * 1000) : await requireJob(deps, res, id);
      answer(req, res, dialect, job, known);
    })
    .all(methodNotAllowed('GET, HEAD'));
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
  res.set({ ETag: tag, 'Cache-Control': 'no-cache' });
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
  id: string,
  known: string | undefined,
  waitMs: number,
): Promise<ReadJob> {
  let notice: (job?: ReadJob) => void = () => {};
  // Followed before the first look, so that no change falls in between.
  const unfollow = deps.jobWatch.follow(id, (job) => notice(job));
  let timer: NodeJS.Timeout | undefined;
  try {
    const first = await requireJob(deps, res, id);
    const isNews = (job: ReadJob) =>
      known === undefined ? job.status !== first.status : !matches(known, entityTag(job));
    if (isFinal(first.status) || (known !== undefined && isNews(first))) return first;
    return await new Promise((resolve) => {
      let latest = first;
      const end = () => resolve(latest);
      timer = setTimeout(end, waitMs);
      res.once('close', end);
      notice = (job) => {
        latest = job ?? latest;
        if (job === undefined || isNews(job)) end();
      };
    });
  } finally {
    clearTimeout(timer);
    unfollow();
  }
}
