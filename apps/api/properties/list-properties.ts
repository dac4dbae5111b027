/** GET /v1/properties: which metadata keys an environment has, with which types, and how many have them. */
import { Router } from 'express';
import type { Entity } from '#job/entity';
import type { Queryable } from '#store/client';
import { countProperties, type PropertyCounts } from '#store/count-properties';
import { listProperties, type Property } from '#store/properties';
import { type ApiDeps, baseUrlOf, callerOf } from '../context';
import { methodNotAllowed } from '../method-not-allowed';
import type { CursorScope, PageCursors } from '../page-cursors';
import { nextLink, readQuery, storableText } from '../parameters';
import { LIST_PROPERTIES_PARAMETERS } from './parameters';

export function listPropertiesRoute({ store }: ApiDeps, cursors: PageCursors): Router {
  const countRecently = rememberCounts(store.pool);
  const router = Router({ caseSensitive: true });

  router
    .route('/v1/properties')
    .get(async (req, res) => {
      const { entity, limit, cursor } = readQuery(req, LIST_PROPERTIES_PARAMETERS);
      const { environmentId } = callerOf(res);
      const scope: CursorScope = { list: 'properties', environmentId, filters: { entity } };
      const after = await cursors.open(scope, storableText, cursor);
      const found = await listProperties(store.pool, environmentId, entity, {
        after,
        limit: limit + 1,
      });
      const page = found.slice(0, limit);
      const last = page.at(-1);
      if (found.length > limit && last !== undefined) {
        res.set('Link', nextLink(req, baseUrlOf(req), await cursors.seal(scope, last.key)));
      }
      if (last === undefined) return void res.json([]);
      const counts = await countRecently(environmentId, entity, newest(found));
      res.json(page.map((property) => writeProperty(property, counts)));
    })
    .all(methodNotAllowed('GET, HEAD'));

  return router;
}

/** Counts are as old as this at most. */
const COUNTS_FRESH_MS = 60_000;
const MAX_REMEMBERED = 1_000;

/** When a job has last sent one of these properties. */
function newest(properties: readonly Property[]): number {
  return Math.max(...properties.map(({ lastSeenAt }) => lastSeenAt.getTime()));
}

/**
 * Counts once for all who ask, for each environment and kind, and remembers for a minute what it has counted, unless a
 * job has come in between.
 */
function rememberCounts(db: Queryable) {
  const remembered = new Map<string, { atMs: number; seenAtMs: number; counts: Promise<PropertyCounts> }>();
  return (environmentId: number, entity: Entity, seenAtMs: number): Promise<PropertyCounts> => {
    const name = `${environmentId} ${entity}`;
    const known = remembered.get(name);
    const isFresh = known !== undefined && performance.now() - known.atMs < COUNTS_FRESH_MS;
    if (isFresh && known.seenAtMs >= seenAtMs) return known.counts;
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    const counts = countProperties(db, environmentId, entity);
    remembered.set(name, { atMs: performance.now(), seenAtMs, counts });
    // What could not be counted is tried again by the next one who asks.
    counts.catch(() => remembered.delete(name));
    return counts;
  };
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
