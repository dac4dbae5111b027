/** GET /metrics: what the process counts of its own work, for Prometheus. */
import { Router } from 'express';
import { carriesToken, metricsWriter } from '#apps/write-metrics';
import type { Authentication } from './authenticate';
import type { ApiDeps } from './context';
import { methodNotAllowed } from './method-not-allowed';
import { NO_PARAMETERS, readQuery } from './parameters';

export function metrics({ store, settings }: ApiDeps, caller: Authentication): Router {
  const router = Router({ caseSensitive: true });
  const write = metricsWriter(store);
  router
    .route('/metrics')
    .all(async (req, res, next) => {
      if (!carriesToken(req.get('authorization'), settings.metricsToken)) await caller.prove(req, res);
      next();
    })
    .get(async (req, res) => {
      readQuery(req, NO_PARAMETERS);
      const { type, text } = await write();
      res.set({ 'Content-Type': type, 'Cache-Control': 'private, no-store' }).send(text);
    })
    .all(methodNotAllowed('GET, HEAD'));
  return router;
}
