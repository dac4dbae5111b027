/** GET /v1/users/{user_id}/similar?domain=: the candidates of a domain whose vectors are nearest to the user's. */
import type { RequestHandler } from 'express';
import {
  addCounts,
  countFields,
  embedCounts,
  FEATURE_HASH,
  readCounts,
} from '#dialect/jean/embed/feature-hash';
import { writeEmbedding as writeHead } from '#dialect/jean/wire/write-user';
import { AppError } from '#errors';
import type { Store } from '#store/client';
import {
  readDomainUser,
  readEmbedding,
  readTextFeatures,
  type StoredEmbedding,
  type UserKey,
  writeEmbedding,
} from '#store/domain-users';
import { isOfNoUser } from '#store/faults';
import { type ApiDeps, callerOf } from '../../context';
import { readQuery, storableText } from '../../parameters';
import { toRow, valuesOf } from './enrich-user';
import { SIMILAR_PARAMETERS } from './parameters';
import type { SchemaCache } from './schema-cache';
import { createVectorIndexes } from './vector-index';

export function similarUsers({ store }: ApiDeps, schemas: SchemaCache): RequestHandler {
  const indexes = createVectorIndexes(store);
  return async (req, res) => {
    const { domain, limit } = readQuery(req, SIMILAR_PARAMETERS);
    const { environmentId } = callerOf(res);
    await schemas.find(store.pool, environmentId, domain);
    const id = storableText.safeParse(req.params.id);
    if (!id.success) throw new AppError('user_not_found');
    const key = { environmentId, userId: id.data, domain };
    const { model, vector } = await findOrMakeHead(store, key);
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

/**
 * The user's vector in the domain. A user who is not in the domain gets one from what is known of them in other domains,
 * and is no candidate for others by it.
 * @throws AppError user_not_found when the user is in no domain at all
 */
async function findOrMakeHead(store: Store, key: UserKey): Promise<StoredEmbedding> {
  const stored = await readEmbedding(store.pool, key);
  if (stored !== undefined && stored.model === FEATURE_HASH) return stored;
  const domains = await readTextFeatures(store.pool, key.environmentId, key.userId);
  if (domains.length === 0) {
    throw new AppError('user_not_found', { details: 'Nobody of this id is in any domain.' });
  }
  const own = await readDomainUser(store.pool, key);
  const sources = own === undefined ? domains : [own];
  const features = sources.map(({ textFeatures }) => readCounts(textFeatures));
  const fields = own === undefined ? [] : [countFields(valuesOf(toRow(own).fields))];
  const { model, vector } = embedCounts(addCounts(...features, ...fields));
  const head = { model, vector: Buffer.from(vector.buffer) };
  try {
    await writeEmbedding(store.pool, key, head, own !== undefined);
  } catch (error) {
    // Erased in the meantime.
    throw isOfNoUser(error) ? new AppError('user_not_found') : error;
  }
  return head;
}
