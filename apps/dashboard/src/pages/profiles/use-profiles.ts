/** Stored users or companies: the first ones, and one of them. */
import { useEffect, useState } from 'preact/hooks';
import { type Client, type Company, isMusterError, type User } from '#client/index';
import { explain } from '../../parts/explain';
import type { Collection } from '../../route/route';
import { useSession } from '../../session/session';

/** What a page shows of a stored user or company. */
export interface Profile {
  id: string;
  /** Null for companies, too. */
  companyId: string | null;
  metadata: Record<string, string | number | boolean>;
  createdAt: string;
  updatedAt: string;
  lastJobId: string | null;
}

export interface Loaded<T> {
  /** Undefined until the answer. */
  value: T | undefined;
  fault: string;
}

export const MAX_LISTED = 50;

/** @returns null as value when there is none of this id */
export function useProfile(collection: Collection, id: string): Loaded<Profile | null> {
  return useLoaded(`${collection} ${id}`, async (client, signal) => {
    try {
      const read = collection === 'users' ? client.user : client.company;
      return toProfile(await read(id, { signal }));
    } catch (thrown) {
      if (isMusterError(thrown, 'user_not_found', 'company_not_found')) return null;
      throw thrown;
    }
  });
}

/** The first MAX_LISTED in the order of their ids, and one more when there are more. */
export function useProfiles(collection: Collection, companyId: string | null): Loaded<Profile[]> {
  return useLoaded(`${collection} of ${companyId}`, async (client, signal) => {
    const options = { signal, ...(companyId === null ? {} : { companyId }) };
    const all = collection === 'users' ? client.users(options) : client.companies(options);
    const profiles: Profile[] = [];
    for await (const profile of all) {
      profiles.push(toProfile(profile));
      if (profiles.length > MAX_LISTED) break;
    }
    return profiles;
  });
}

function useLoaded<T>(key: string, load: (client: Client, signal: AbortSignal) => Promise<T>): Loaded<T> {
  const { client } = useSession();
  const [loaded, setLoaded] = useState<Loaded<T> & { key: string }>();
  // `load` is another function each time; the key says what it loads.
  useEffect(() => {
    const stop = new AbortController();
    const settle = (value: T | undefined, fault: string) => {
      if (!stop.signal.aborted) setLoaded({ key, value, fault });
    };
    load(client, stop.signal).then(
      (value) => settle(value, ''),
      (thrown) => settle(undefined, explain(thrown)),
    );
    return () => stop.abort();
  }, [client, key]);
  return loaded?.key === key ? loaded : { value: undefined, fault: '' };
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
