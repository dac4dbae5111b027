/** Adds the properties of single calls to the catalogue, beside the calls and not within them. */
import type { Entity } from '#job/entity';
import type { PropertyType } from '#job/observations';
import type { Logger } from '#logger';
import type { Store } from '#store/client';
import { catalogueProperties } from '#store/properties';

/** A property that this process has catalogued within this time is not looked at again. */
const FRESH_MS = 10 * 60 * 1000;
/** Properties that are remembered. */
const MAX_REMEMBERED = 10_000;

export interface LiveCatalogue {
  /** Never rejects: the user is stored, and the next call with the property tries again. */
  add(
    environmentId: number,
    entity: Entity,
    properties: readonly [key: string, type: PropertyType][],
  ): Promise<void>;
}

/** One for each process. */
export function createLiveCatalogue(store: Store, logger: Logger): LiveCatalogue {
  const seenAtMs = new Map<string, number>();
  return {
    async add(environmentId, entity, properties) {
      const now = performance.now();
      const name = (key: string, type: PropertyType) => `${environmentId} ${entity} ${type} ${key}`;
      const unseen = properties.filter(
        ([key, type]) => now - (seenAtMs.get(name(key, type)) ?? Number.NEGATIVE_INFINITY) > FRESH_MS,
      );
      if (unseen.length === 0) return;
      const seen = unseen.map(([key, type]) => ({ key, types: [type] }));
      try {
        await store.transaction((tx) => catalogueProperties(tx, { environmentId, entity }, seen));
        if (seenAtMs.size + unseen.length > MAX_REMEMBERED) seenAtMs.clear();
        for (const [key, type] of unseen) seenAtMs.set(name(key, type), now);
      } catch (err) {
        logger.warn({ err }, 'properties not catalogued');
      }
    },
  };
}
