/** GET /v1/background_jobs: the environment's jobs, newest first, page by page. */
import { Router } from 'express';
import type { Dialect } from '#dialect/dialect';
import { AppError } from '#errors';
import type { Entity } from '#job/entity';
import type { JobStatus } from '#job/lifecycle';
import { MAX_LISTED_WARNINGS, shortenWarnings } from '#job/observations';
import { listJobs } from '#store/jobs';
import { type ApiDeps, callerOf, jobContextOf } from '../context';
import { methodNotAllowed } from '../method-not-allowed';
import { nextLink, readQuery, writeCursor } from '../parameters';
import { LIST_JOBS_PARAMETERS } from './parameters';

/** On this wire a canceled job is shown as failed. */
function shownAs(status: JobStatus): JobStatus[] {
  return status === 'failed' ? ['failed', 'canceled'] : [status];
}

export function listJobsRoute({ store }: ApiDeps, dialect: Dialect): Router {
  const router = Router({ caseSensitive: true });

  router
    .route('/v1/background_jobs')
    .get(async (req, res) => {
      const query = readQuery(req, LIST_JOBS_PARAMETERS);
      const { limit, status, type, cursor, user_id: userId, company_id: companyId } = query;
      if (userId !== undefined && companyId !== undefined) {
        throw new AppError('invalid_parameter', { details: 'user_id and company_id exclude each other.' });
      }
      const kind: Entity | undefined =
        userId !== undefined ? 'user' : companyId !== undefined ? 'company' : undefined;
      const jobs = await listJobs(store.pool, callerOf(res).environmentId, {
        limit: limit + 1,
        statuses: status && shownAs(status),
        rowId: userId ?? companyId,
        // Jobs of the other kind need not be looked through.
        entity: type ?? kind,
        before: cursor && { submittedAt: cursor.at, id: cursor.id },
      });
      const page = jobs.slice(0, limit);
      const last = page.at(-1);
      if (jobs.length > limit && last !== undefined) {
        res.set('Link', nextLink(req, writeCursor({ at: last.submittedAt, id: last.id })));
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
