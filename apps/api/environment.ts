/** GET /v1/environment: what the key opens, and the limits that hold there. */
import { Router } from 'express';
import { type ApiDeps, callerOf } from './context';
import { methodNotAllowed } from './method-not-allowed';
import { NO_PARAMETERS, readQuery } from './parameters';

export function environment({ settings }: ApiDeps): Router {
  const router = Router({ caseSensitive: true });
  router
    .route('/v1/environment')
    .get((req, res) => {
      readQuery(req, NO_PARAMETERS);
      const { slug, scope, usersPerMinute } = callerOf(res);
      const { maxRows, maxBytes } = settings;
      res.json({ slug, scope, users_per_minute: usersPerMinute, max_rows: maxRows, max_bytes: maxBytes });
    })
    .all(methodNotAllowed('GET, HEAD'));
  return router;
}
