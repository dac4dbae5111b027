/** GET /v1/background_jobs: the environment's jobs, newest first, page by page. */
import { Router } from 'express';
import type { Dialect } from '#dialect/dialect';
import { AppError } from '#errors';
import type { Entity } from '#job/entity';
import { MAX_LISTED_WARNINGS, shortenWarnings } from '#job/observations';
import { listJobs } from '#store/jobs';
import { type ApiDeps, baseUrlOf, callerOf, jobContextOf } from '../context';
import { methodNotAllowed } from '../method-not-allowed';
import type { CursorScope, PageCursors } from '../page-cursors';
import { nextLink, readQuery } from '../parameters';
import { LISTED_JOB, listJobsParameters } from './parameters';

export function listJobsRoute({ store }: ApiDeps, cursors: PageCursors, dialect: Dialect): Router {
  const router = Router({ caseSensitive: true });
  const parameters = listJobsParameters(dialect);

  router
    .route('/v1/background_jobs')
    .get(async (req, res) => {
      const query = readQuery(req, parameters);
      const { limit, status, type, user_id: userId, company_id: companyId } = query;
      const { environmentId } = callerOf(res);
      if (userId !== undefined && companyId !== undefined) {
        throw new AppError('invalid_parameter', { details: 'user_id and company_id exclude each other.' });
      }
      const kind: Entity | undefined =
        userId !== undefined ? 'user' : companyId !== undefined ? 'company' : undefined;
      const filters = { status, type, user_id: userId, company_id: companyId };
      const scope: CursorScope = { list: 'jobs', environmentId, filters };
      const before = await cursors.open(scope, LISTED_JOB, query.cursor);
      const jobs = await listJobs(store.pool, environmentId, {
        limit: limit + 1,
        statuses: status && dialect.readStatus(status),
        rowId: userId ?? companyId,
        // Jobs of the other kind need not be looked through.
        entity: type ?? kind,
        before: before && { submittedAt: before.at, id: before.id },
      });
      const page = jobs.slice(0, limit);
      const last = page.at(-1);
      if (jobs.length > limit && last !== undefined) {
        const next = await cursors.seal(scope, { at: last.submittedAt, id: last.id });
        res.set('Link', nextLink(req, baseUrlOf(req), next));
      }
      const shown = page.filter(({ entity, hasRowId }) => hasRowId && (kind ?? entity) === entity);
      const short = shown.map((job) => ({
        ...job,
        warnings: [...shortenWarnings(job.warnings, MAX_LISTED_WARNINGS)],
      }));
      res.json(short.map((job) => dialect.writeJob(job, jobContextOf(req, res, job.now))));
    })
    .all(methodNotAllowed('GET, HEAD'));

  return router;
}
