/** Stored users or companies: the first ones, and one of them. */
import type { Company, User } from '#client/index';
import { metadataNumberTexts } from '#pipeline/exact-numbers';
import type { Collection } from '../../route/route';
import { type Loaded, useLoaded } from '../../session/use-loaded';

/** What a page shows of a stored user or company. */
export interface Profile {
  id: string;
  /** Null for companies, too. */
  companyId: string | null;
  metadata: Record<string, string | number | boolean>;
  /** Numbers of the metadata as they are stored, where they are known digit by digit. */
  numberTexts?: ReadonlyMap<string, string>;
  createdAt: string;
  updatedAt: string;
  lastJobId: string | null;
}

export const MAX_LISTED = 50;

/** @returns null as value when there is none of this id */
export function useProfile(collection: Collection, id: string): Loaded<Profile | null> {
  return useLoaded(`${collection} ${id}`, async (client, signal) => {
    const stream =
      collection === 'users'
        ? await client.usersNdjson({ userId: id, signal })
        : await client.companiesNdjson({ companyId: id, signal });
    const line = await new Response(stream).text();
    if (line === '') return null;
    // JSON.parse would round a number of many digits.
    return { ...toProfile(JSON.parse(line) as User | Company), numberTexts: metadataNumberTexts(line) };
  });
}

/** Which of them. */
export interface ProfilesFilter {
  /** Null: of any company. */
  companyId: string | null;
  /** The beginning of an id, or a user's e-mail address. */
  search: string | null;
}

/** The first MAX_LISTED in the order of their ids, and one more when there are more. */
export function useProfiles(
  collection: Collection,
  { companyId, search }: ProfilesFilter,
): Loaded<Profile[]> {
  return useLoaded(JSON.stringify([collection, companyId, search]), async (client, signal) => {
    const options = {
      signal,
      ...(companyId !== null && { companyId }),
      ...(search !== null && { search }),
    };
    const all = collection === 'users' ? client.users(options) : client.companies(options);
    const profiles: Profile[] = [];
    for await (const profile of all) {
      profiles.push(toProfile(profile));
      if (profiles.length > MAX_LISTED) break;
    }
    return profiles;
  });
}

function toProfile(stored: User | Company): Profile {
  const isUser = 'user_id' in stored;
  return {
    id: isUser ? stored.user_id : stored.company_id,
    companyId: isUser ? stored.company_id : null,
    metadata: stored.metadata,
    createdAt: stored.created_at,
    updatedAt: stored.updated_at,
    lastJobId: stored.last_job_id,
  };
}
