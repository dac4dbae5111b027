/** GET /v1/validate: whether the key is good, as Segment's Userpilot destination asks before it is connected. */
import { Router } from 'express';
import { callerOf } from '../../context';
import { methodNotAllowed } from '../../method-not-allowed';
import { NO_PARAMETERS, readQuery } from '../../parameters';

export function validate(): Router {
  const router = Router({ caseSensitive: true });
  router
    .route('/v1/validate')
    .get((req, res) => {
      readQuery(req, NO_PARAMETERS);
      res.json({ environment: callerOf(res).slug });
    })
    .all(methodNotAllowed('GET, HEAD'));
  return router;
}
