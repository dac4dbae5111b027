/** GET /v1/users/{user_id}/similar?domain=: the candidates of a domain whose vectors are nearest to the user's. */
import type { RequestHandler } from 'express';
import { writeEmbedding as writeHead } from '#dialect/jean/wire/write-user';
import { AppError } from '#errors';
import type { ProviderSettings } from '#settings/settings';
import type { Store } from '#store/client';
import { readEmbedding, type StoredEmbedding, type UserKey } from '#store/domain-users';
import { type ApiDeps, callerOf } from '../../../context';
import { readQuery, storableText } from '../../../parameters';
import { SIMILAR_PARAMETERS } from '../parameters';
import { ProviderError } from '../providers/ask-provider';
import type { SchemaCache } from '../schema-cache';
import { makeHead, modelOf } from './make-head';
import { createVectorIndexes } from './vector-index';

const PROVIDER_RETRY_SECONDS = 10;

export function similarUsers({ store, settings }: ApiDeps, schemas: SchemaCache): RequestHandler {
  const indexes = createVectorIndexes(store);
  return async (req, res) => {
    const { domain, limit } = readQuery(req, SIMILAR_PARAMETERS);
    const { environmentId } = callerOf(res);
    await schemas.find(store.pool, environmentId, domain);
    const id = storableText.safeParse(req.params.id);
    if (!id.success) throw new AppError('user_not_found');
    const key = { environmentId, userId: id.data, domain };
    const { model, vector } = await findOrMakeHead(store, key, settings.embeddings);
    const query = new Int8Array(vector.buffer, vector.byteOffset, vector.length);
    const indexKey = { environmentId, domain, model, dimensions: vector.length };
    const neighbors = await indexes.search(indexKey, query, key.userId, limit);
    const [, embedding] = writeHead({ domain, model, dimensions: vector.length });
    res.json({
      user_id: key.userId,
      domain,
      embedding,
      similar: neighbors.map(({ userId, score }) => ({
        user_id: userId,
        score: Math.round(score * 10_000) / 10_000,
      })),
    });
  };
}

/** @throws AppError user_not_found; unavailable when the provider of vectors is */
async function findOrMakeHead(
  store: Store,
  key: UserKey,
  provider: ProviderSettings | undefined,
): Promise<StoredEmbedding> {
  const stored = await readEmbedding(store.pool, key);
  if (stored?.model === modelOf(provider)) return stored;
  try {
    return await makeHead(store, key, provider);
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    throw new AppError('unavailable', {
      details: 'The provider of vectors gives none.',
      facts: { fault: error.fault },
      retryAfterSeconds: PROVIDER_RETRY_SECONDS,
      cause: error,
    });
  }
}
