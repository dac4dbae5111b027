/** POST .../cancel and .../retry. */
import { randomUUID } from 'node:crypto';
import { Router } from 'express';
import type { Dialect } from '#dialect/dialect';
import { cancelJob } from '#pipeline/cancel';
import { retryJob } from '#pipeline/retry';
import { type ApiDeps, callerOf, jobContextOf, requestIdOf, requireScope } from '../context';
import { methodNotAllowed } from '../method-not-allowed';
import { NO_PARAMETERS, readQuery } from '../parameters';
import { requireJob, requireJobId } from './find-job';
import { RETRY_PARAMETERS } from './parameters';

export function controlJob(deps: ApiDeps, dialect: Dialect): Router {
  const router = Router({ caseSensitive: true });

  router
    .route('/v1/background_jobs/:jobId/cancel')
    .post(async (req, res) => {
      requireScope(res, 'import');
      readQuery(req, NO_PARAMETERS);
      const id = requireJobId(req, res, dialect);
      await cancelJob(callerOf(res).environmentId, id, deps);
      const job = await requireJob(deps, res, id);
      res.status(202).json(dialect.writeJob(job, jobContextOf(req, res, job.now)));
    })
    .all(methodNotAllowed('POST'));

  router
    .route('/v1/background_jobs/:jobId/retry')
    .post(async (req, res) => {
      requireScope(res, 'import');
      const { on_busy: onBusy } = readQuery(req, RETRY_PARAMETERS);
      const job = await retryJob(
        {
          owner: callerOf(res),
          parentJobId: requireJobId(req, res, dialect),
          jobId: randomUUID(),
          requestId: requestIdOf(res),
          onBusy,
          maxStoredBytes: deps.settings.maxStoredBytes,
        },
        deps,
      );
      res
        .status(202)
        .location(`/v1/background_jobs/${job.id}`)
        .json(dialect.writeJob(job, jobContextOf(req, res, job.submittedAt)));
    })
    .all(methodNotAllowed('POST'));

  return router;
}
