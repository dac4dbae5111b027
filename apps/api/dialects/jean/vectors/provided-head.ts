/** The vector of a user who was just stored, by the provider when there is one. */
import type { WireUser } from '#dialect/jean/wire/write-user';
import { listEmbeddings, readEmbedding } from '#store/domain-users';
import type { ApiDeps } from '../../../context';
import { ProviderError } from '../providers/ask-provider';
import { makeHead } from './make-head';

/** A user as enrichUser gives it. */
export type StoredUser = WireUser & { environmentId: number; isUnchanged?: boolean };

/** @returns the user with the heads that they have now; when the provider fails, with those of before and a warning */
export async function withProvidedHead(
  { store, settings, logger }: Pick<ApiDeps, 'store' | 'settings' | 'logger'>,
  user: StoredUser,
): Promise<WireUser> {
  const { embeddings: provider } = settings;
  if (provider === undefined) return user;
  const { environmentId, userId, domain } = user;
  const key = { environmentId, userId, domain };
  if (user.isUnchanged && (await readEmbedding(store.pool, key))?.model === provider.model) return user;
  try {
    await makeHead(store, key, provider);
    return { ...user, embeddings: await listEmbeddings(store.pool, environmentId, userId) };
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    logger.warn({ fault: error.fault }, 'embeddings provider failed: the vector of before stays');
    return { ...user, isHeadStale: true };
  }
}
