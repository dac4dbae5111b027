/** POST /v1/track: events, which Muster does not store. It says so, unless it was told to let them pass. */
import { Router } from 'express';
import { AppError } from '#errors';
import { countIgnoredEvent } from '#metrics';
import { type ApiDeps, requireScope } from '../../context';
import { methodNotAllowed } from '../../method-not-allowed';
import { NO_PARAMETERS, readQuery } from '../../parameters';

export function track({ settings }: ApiDeps): Router {
  const router = Router({ caseSensitive: true });
  router
    .route('/v1/track')
    .post((req, res) => {
      readQuery(req, NO_PARAMETERS);
      requireScope(res, 'import');
      if (settings.track === 'reject') throw new AppError('not_supported');
      res.status(202).json({ outcome: 'ignored' });
      countIgnoredEvent();
    })
    .all(methodNotAllowed('POST'));
  return router;
}
