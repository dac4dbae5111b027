/** Erases users or companies for good: no job that was accepted before brings them back, and none shows them any more. */
import type { Entity } from '#job/entity';
import type { Store } from '#store/client';
import { eraseStored, lockForErasure } from '#store/erase';

/**
 * Erases what is stored under these ids. Rows and results about them are not shown or applied from now on and are scrubbed
 * in the background (scrub.ts), so that this takes no longer the more of them there are.
 * @returns how many of them were stored
 */
export async function eraseProfiles(
  store: Store,
  environmentId: number,
  entity: Entity,
  ids: readonly string[],
): Promise<number> {
  if (ids.length === 0) return 0;
  return store.transaction(async (tx) => {
    await lockForErasure(tx, environmentId);
    return eraseStored(tx, environmentId, entity, ids);
  });
}
