/** GET /v1/background_jobs/{job_id}/warnings: all warnings of a job, page by page. */
import { Router } from 'express';
import type { Dialect } from '#dialect/dialect';
import { listWarnings } from '#store/job-warnings';
import { type ApiDeps, baseUrlOf, callerOf } from '../context';
import { methodNotAllowed } from '../method-not-allowed';
import type { CursorScope, PageCursors } from '../page-cursors';
import { nextLink, readQuery } from '../parameters';
import { requireJob, requireJobId } from './find-job';
import { LISTED_WARNING, WARNINGS_PARAMETERS } from './parameters';

export function listWarningsRoute(deps: ApiDeps, cursors: PageCursors, dialect: Dialect): Router {
  const router = Router({ caseSensitive: true });
  router
    .route('/v1/background_jobs/:jobId/warnings')
    .get(async (req, res) => {
      const { limit, cursor } = readQuery(req, WARNINGS_PARAMETERS);
      const job = await requireJob(deps, res, requireJobId(req, res, dialect));
      const { environmentId } = callerOf(res);
      const scope: CursorScope = { list: `warnings of ${job.id}`, environmentId };
      const after = await cursors.open(scope, LISTED_WARNING, cursor);
      const found = await listWarnings(deps.store.pool, job, { after, limit: limit + 1 });
      const page = found.slice(0, limit);
      const last = page.at(-1);
      if (found.length > limit && last !== undefined) {
        res.set('Link', nextLink(req, baseUrlOf(req), await cursors.seal(scope, last.key)));
      }
      // A job of an older version has its warnings in the job alone.
      const isOlder = page.length === 0 && cursor === undefined;
      res.json(isOlder ? job.warnings : page.map(({ warning }) => warning));
    })
    .all(methodNotAllowed('GET, HEAD'));
  return router;
}
