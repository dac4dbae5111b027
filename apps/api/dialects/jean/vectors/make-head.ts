/**
 * Makes the vector of a user in a domain from what is stored: by the provider when there is one, else by feature hashing.
 * A user who is not in the domain gets one from what is known of them in other domains, and is no candidate by it.
 */
import {
  addCounts,
  countFields,
  embedCounts,
  FEATURE_HASH,
  readCounts,
} from '#dialect/jean/embed/feature-hash';
import { AppError } from '#errors';
import type { ProviderSettings } from '#settings/settings';
import type { Store } from '#store/client';
import {
  type DomainUser,
  listUserDomains,
  readContexts,
  readDomainUser,
  type StoredEmbedding,
  type UserKey,
  writeEmbedding,
} from '#store/domain-users';
import { isOfNoUser } from '#store/faults';
import { embedByProvider } from '../providers/embed-by-provider';
import { toRow, valuesOf } from '../stored-row';

/** Name and version of what makes vectors now. */
export function modelOf(provider: ProviderSettings | undefined): string {
  return provider?.model ?? FEATURE_HASH;
}

/**
 * @returns the vector, which is stored
 * @throws AppError user_not_found when the user is in no domain at all; ProviderError
 */
export async function makeHead(
  store: Store,
  key: UserKey,
  provider: ProviderSettings | undefined,
): Promise<StoredEmbedding> {
  const { environmentId, userId } = key;
  const rows = await listUserDomains(store.pool, environmentId, userId);
  const domains = rows.map(({ domain }) => domain);
  if (domains.length === 0) {
    throw new AppError('user_not_found', { details: 'Nobody of this id is in any domain.' });
  }
  const isMember = domains.includes(key.domain);
  const keys = isMember ? [key] : domains.map((domain) => ({ environmentId, userId, domain }));
  const sources: DomainUser[] = [];
  for (const one of keys) {
    const source = await readDomainUser(store.pool, one);
    if (source !== undefined) sources.push(source);
  }
  const made =
    provider === undefined
      ? embedCounts(countsOf(sources, isMember))
      : await embedByProvider(provider, await writeInput(store, keys, sources));
  const head = { model: made.model, vector: Buffer.from(made.vector.buffer) };
  try {
    await writeEmbedding(store.pool, key, head, isMember);
  } catch (error) {
    // Erased in the meantime.
    throw isOfNoUser(error) ? new AppError('user_not_found') : error;
  }
  return head;
}

/** Fields belong to the domain that they come from: another one shares the texts only. */
function countsOf(sources: readonly DomainUser[], isMember: boolean): Int32Array {
  const texts = sources.map(({ textFeatures }) => readCounts(textFeatures));
  const fields = isMember ? sources.map((source) => countFields(valuesOf(toRow(source).fields))) : [];
  return addCounts(...texts, ...fields);
}

/** Fields first, the newest text last. Extras are left out. */
async function writeInput(
  store: Store,
  keys: readonly UserKey[],
  sources: readonly DomainUser[],
): Promise<string> {
  const parts: string[] = [];
  for (const source of sources) {
    for (const [name, value] of valuesOf(toRow(source).fields)) parts.push(`${name}: ${String(value)}`);
  }
  for (const key of keys) parts.push(...(await readContexts(store.pool, key)).map(({ text }) => text));
  return parts.length === 0 ? ' ' : parts.join('\n');
}
