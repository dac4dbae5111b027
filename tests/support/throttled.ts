/** Environments in which things take their time, on every machine. */
import { type Muster, unique } from './muster';

/**
 * An environment whose import takes at least as long as its throttle says: so what happens within an import can be waited
 * for, however fast the machine is.
 * @returns its key
 */
export async function addThrottled(muster: Muster, usersPerMinute: number): Promise<string> {
  const { environmentId, key } = await muster.addEnvironment(unique());
  await muster.store.pool.query('UPDATE environments SET users_per_minute = $2 WHERE id = $1', [
    environmentId,
    usersPerMinute,
  ]);
  return key;
}
