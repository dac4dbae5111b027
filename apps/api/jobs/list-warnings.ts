/** GET /v1/background_jobs/{job_id}/warnings: all warnings of a job, page by page. */
import { Router } from 'express';
import { listWarnings } from '#store/job-warnings';
import type { ApiDeps } from '../context';
import { methodNotAllowed } from '../method-not-allowed';
import { nextLink, readQuery, writeCursor } from '../parameters';
import { requireJob, requireJobId } from './find-job';
import { WARNINGS_PARAMETERS } from './parameters';

export function listWarningsRoute(deps: ApiDeps): Router {
  const router = Router({ caseSensitive: true });
  router
    .route('/v1/background_jobs/:jobId/warnings')
    .get(async (req, res) => {
      const { limit, cursor } = readQuery(req, WARNINGS_PARAMETERS);
      const job = await requireJob(deps, res, requireJobId(req, res));
      const found = await listWarnings(deps.store.pool, job, { after: cursor?.after, limit: limit + 1 });
      const page = found.slice(0, limit);
      const last = page.at(-1);
      if (found.length > limit && last !== undefined) {
        res.set('Link', nextLink(req, writeCursor({ after: last.key })));
      }
      // A job of an older version has its warnings in the job alone.
      const isOlder = page.length === 0 && cursor === undefined;
      res.json(isOlder ? job.warnings : page.map(({ warning }) => warning));
    })
    .all(methodNotAllowed('GET, HEAD'));
  return router;
}
