/** GET /v1/properties: which metadata keys an environment has, with which types, and how many have them. */
import { Router } from 'express';
import { countProperties, type PropertyCounts } from '#store/count-properties';
import { listProperties, type Property } from '#store/properties';
import { type ApiDeps, baseUrlOf, callerOf } from '../context';
import { methodNotAllowed } from '../method-not-allowed';
import { nextLink, readQuery, writeCursor } from '../parameters';
import { LIST_PROPERTIES_PARAMETERS } from './parameters';

export function listPropertiesRoute({ store }: ApiDeps): Router {
  const router = Router();

  router
    .route('/v1/properties')
    .get(async (req, res) => {
      const { entity, limit, cursor } = readQuery(req, LIST_PROPERTIES_PARAMETERS);
      const { environmentId } = callerOf(res);
      const found = await listProperties(store.pool, environmentId, entity, {
        after: cursor?.after,
        limit: limit + 1,
      });
      const page = found.slice(0, limit);
      const last = page.at(-1);
      if (found.length > limit && last !== undefined) {
        res.set('Link', nextLink(req, baseUrlOf(req), writeCursor({ after: last.key })));
      }
      if (last === undefined) return void res.json([]);
      const counts = await countProperties(store.pool, environmentId, entity);
      res.json(page.map((property) => writeProperty(property, counts)));
    })
    .all(methodNotAllowed('GET, HEAD'));

  return router;
}

function writeProperty(
  { key, types, firstSeenAt, lastSeenAt, firstJobId }: Property,
  { looked, having, share }: PropertyCounts,
) {
  const count = having.get(key) ?? 0;
  return {
    key,
    types,
    count: Math.round(count / share),
    coverage: looked === 0 ? 0 : Math.round((count / looked) * 10_000) / 10_000,
    estimated: share < 1,
    first_seen_at: firstSeenAt,
    last_seen_at: lastSeenAt,
    first_job_id: firstJobId,
  };
}
