/**
 * Stores what a call says about a user in a domain: the user itself, the merged fields, the text and the vector, all of it
 * or nothing. Extraction comes before the transaction, so no lock is held while a text is read.
 */
import {
  addCounts,
  countFeatures,
  countFields,
  embedCounts,
  readCounts,
  writeCounts,
} from '#dialect/jean/embed/feature-hash';
import { type DomainRow, mergeRow, saysTheSame, writeExtras } from '#dialect/jean/merge';
import { readFields, type UpsertBody } from '#dialect/jean/wire/read-body';
import { AppError } from '#errors';
import type { Transaction } from '#store/client';
import {
  type DomainUser,
  listEmbeddings,
  readContexts,
  readForContext,
  readNewestContext,
  type StoredEmbedding,
  type UserKey,
  writeDomainUser,
} from '#store/domain-users';
import { environmentGone, requireOpenEnvironment } from '#store/open-environment';
import { upsertNow } from '#store/upsert-now';
import type { ApiDeps, Caller } from '../../context';
import { extractContext } from './extract-context';
import type { SchemaCache } from './schema-cache';
import { toRow, valuesOf } from './stored-row';
import type { StoredUser } from './vectors/provided-head';

/** Characters of all texts of a user in a domain, until the row is replaced. */
export const MAX_ALL_CONTEXTS = 1_000_000;
/** Keys that the schema does not know. */
const MAX_EXTRAS = 1_000;

export interface EnrichDeps extends Pick<ApiDeps, 'store' | 'logger'> {
  settings: Pick<ApiDeps['settings'], 'extraction' | 'embeddings'>;
  schemas: SchemaCache;
}

/**
 * @param mode replace: POST /v1/users; append: POST /v1/context
 * @throws AppError domain_not_found, invalid_request, unauthorized; payload_too_large when the texts are too many
 */
export async function enrichUser(
  deps: EnrichDeps,
  caller: Caller,
  mode: 'replace' | 'append',
  body: UpsertBody,
): Promise<StoredUser> {
  const { store, schemas, settings } = deps;
  const { environmentId } = caller;
  const { version, schema } = await schemas.find(store.pool, environmentId, body.domain);
  const values = readFields(schema, body);
  const { context } = body;
  const { found: extracted, ...extraction } = await extractContext(deps, schema, context);
  const newFeatures = context === undefined ? undefined : countFeatures(context);
  const key: UserKey = { environmentId, userId: body.userId, domain: body.domain };

  return store.transaction(async (tx) => {
    await requireOpenEnvironment(tx, environmentId);
    await ensureUser(tx, caller, body.userId);
    const { contextId, before } = await readForContext(tx, key);
    const keptCharacters = mode === 'append' ? (before?.contextCharacters ?? 0) : 0;
    const contextCharacters = keptCharacters + [...(context ?? '')].length;
    if (contextCharacters > MAX_ALL_CONTEXTS) throw tooMuchContext();
    const lastEnrichedAt = new Date();
    const row = mergeRow(mode, schema, before && toRow(before), {
      ...values,
      extracted,
      context: context === undefined ? undefined : contextId,
      at: lastEnrichedAt.toISOString(),
    });
    if (row.extras.size > MAX_EXTRAS) throw tooManyExtras();
    const answer = {
      ...key,
      schemaVersion: version,
      definition: schema.definition,
      unknownKeys: body.unknownKeys,
      // Without a provider it goes without saying.
      ...(settings.extraction !== undefined && context !== undefined && { extraction }),
    };
    if (before !== undefined && before.schemaVersion === version) {
      const isSame =
        mode === 'append'
          ? (await readNewestContext(tx, key)) === context
          : saysTheSame(row, toRow(before)) &&
            (body.memoryRef ?? null) === before.memoryRef &&
            contextCharacters === before.contextCharacters &&
            (await isOnlyText(tx, key, context));
      // Sent again, perhaps because an answer was lost: nothing is written, and no text counts twice.
      if (isSame) {
        const { memoryRef, lastEnrichedAt: at } = before;
        const embeddings = await listEmbeddings(tx, environmentId, body.userId);
        return { ...answer, ...toRow(before), memoryRef, embeddings, lastEnrichedAt: at, isUnchanged: true };
      }
    }
    const keptFeatures = mode === 'append' ? before?.textFeatures : undefined;
    const features = addCounts(readCounts(keptFeatures), newFeatures ?? readCounts(null));
    const stored: DomainUser = {
      schemaVersion: version,
      fields: JSON.stringify(row.fields),
      extras: writeExtras(row.extras),
      memoryRef: mode === 'replace' ? (body.memoryRef ?? null) : (before?.memoryRef ?? null),
      extractedBy:
        context === undefined ? (mode === 'append' ? (before?.extractedBy ?? null) : null) : extraction.by,
      textFeatures: contextCharacters === 0 ? null : writeCounts(features),
      contextCharacters,
      lastEnrichedAt,
    };
    const embeddings = await writeDomainUser(tx, key, {
      row: stored,
      replacesContexts: mode === 'replace' && before !== undefined,
      context: context === undefined ? undefined : { id: contextId, text: context },
      // A provider is asked after the commit: nobody waits for it with a lock.
      head: settings.embeddings === undefined ? embedUser(features, row) : undefined,
    });
    return {
      ...answer,
      ...row,
      memoryRef: stored.memoryRef,
      embeddings,
      lastEnrichedAt,
    };
  });
}

function embedUser(texts: Int32Array, { fields }: DomainRow): StoredEmbedding {
  const { model, vector } = embedCounts(addCounts(texts, countFields(valuesOf(fields))));
  return { model, vector: Buffer.from(vector.buffer) };
}

/** Whether this text, or none, is all that is kept of the user's texts in the domain. */
async function isOnlyText(tx: Transaction, key: UserKey, context: string | undefined): Promise<boolean> {
  const contexts = await readContexts(tx, key);
  return contexts.length === (context === undefined ? 0 : 1) && contexts[0]?.text === context;
}

/** The user of all dialects: made when there is none, and locked until the transaction ends. */
async function ensureUser(tx: Transaction, { environmentId, keyId }: Caller, id: string): Promise<void> {
  const [outcome] = await upsertNow(tx, 'user', [
    { environmentId, keyId, id, companyId: undefined, metadata: '{}' },
  ]);
  if (outcome === 'refused') throw environmentGone();
}

function tooMuchContext(): AppError {
  return new AppError('payload_too_large', {
    details: `The texts of a user in a domain may have ${MAX_ALL_CONTEXTS} characters together. POST /v1/users begins anew.`,
    facts: { path: 'context' },
  });
}

function tooManyExtras(): AppError {
  return new AppError('invalid_request', {
    details: `A user may have at most ${MAX_EXTRAS} keys that the schema does not know.`,
    facts: { path: 'fields' },
  });
}
