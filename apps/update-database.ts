/** Brings a database up to date, as its owner: our tables, BullMQ's, and what the serving role may do with them. */
import { migrateQueue, QUEUE_SCHEMA } from '#queue/open-queue';
import { grantService } from '#store/grant-service';
import { migrate } from '#store/migrate';

export interface UpdateOptions {
  /** As the role that owns the tables. */
  ownerUrl: string;
  /** As the role that serves; the same role when there is only one. */
  serviceUrl: string;
  /** Whether the queue is in this database. */
  hasQueue: boolean;
}

/**
 * Repeatable; several processes may call it at once.
 * @returns the names of the migrations that were applied, in order
 * @throws MigrationError as migrate and grantService do
 */
export async function updateDatabase({ ownerUrl, serviceUrl, hasQueue }: UpdateOptions): Promise<string[]> {
  const applied = await migrate(ownerUrl);
  if (hasQueue) await migrateQueue(ownerUrl);
  await grantService(ownerUrl, serviceUrl, [QUEUE_SCHEMA]);
  return applied;
}
