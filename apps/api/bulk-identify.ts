/** POST /v1/users/bulk_identify and /v1/companies/bulk_identify: an import is taken in and answered with its job. */
import { randomUUID } from 'node:crypto';
import { Router } from 'express';
import type { Dialect } from '#dialect/dialect';
import { ENTITIES, type Entity } from '#job/entity';
import { receive } from '#pipeline/receive';
import { requireFreeSlot } from '#pipeline/slot';
import { stage } from '#pipeline/stage';
import { type ApiDeps, callerOf, jobContextOf, requestIdOf, requireScope } from './context';
import { methodNotAllowed } from './method-not-allowed';
import { readQuery } from './parameters';
import { readUpload } from './read-upload';

export function bulkIdentify(deps: ApiDeps, dialect: Dialect, entity: Entity): Router {
  const { store, settings } = deps;
  const traits = ENTITIES[entity];
  const router = Router();

  router
    .route(`/v1/${traits.collection}/bulk_identify`)
    .post(async (req, res) => {
      requireScope(res, 'import');
      readQuery(req, {});
      const owner = callerOf(res);
      await requireFreeSlot(store.pool, owner);
      const { upload, filename } = await readUpload(req, res, traits, (body, cutter) =>
        stage(body, {
          store,
          owner,
          jobId: randomUUID(),
          entity,
          requestId: requestIdOf(res),
          maxRows: settings.maxRows,
          maxBytes: settings.maxBytes,
          cutter,
        }),
      );
      const job = await receive(upload, filename, deps);
      res
        .status(202)
        .location(`/v1/background_jobs/${job.id}`)
        .json(dialect.writeJob(job, jobContextOf(req, res, job.submittedAt)));
    })
    .all(methodNotAllowed('POST'));

  return router;
}
