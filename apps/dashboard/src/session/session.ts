/**
 * The key that the page was given, and the client that carries it. Kept in sessionStorage: gone with the tab, sent as a
 * header and never as a cookie.
 */
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { type Client, createClient, type Fetch } from '#client/index';
import { BASE_PATH, BASE_URL } from '../route/base';

/** Several services may share an origin, each under a path of its own: none gets the key of another. */
const STORED_AS = `muster:key${BASE_PATH}`;
/** Enough to bridge a restart of the service; pages that poll go on by themselves anyway. */
const RETRIES = 2;

export interface Session {
  client: Client;
  /** Answers with the key in the request, for what the client has no function for. */
  fetch(path: string, init: RequestInit): Promise<Response>;
  /** The service was heard of by other ways than an answer: by an event. */
  noteReached(): void;
}

/** What a session tells the page. */
export interface SessionEvents {
  /** The key is no longer accepted. */
  onRefused(): void;
  /** Whether the last request was answered. */
  onReached(isReached: boolean): void;
}

export const SessionContext = createContext<Session | null>(null);

/** @throws Error outside of a page for those who are signed in */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) throw new Error('There is no session here.');
  return session;
}

/** @throws TypeError for a key that no header can carry */
export function openSession(apiKey: string, events: SessionEvents): Session {
  const watched: Fetch = async (url, init) => {
    try {
      const answer = await fetch(url, init);
      events.onReached(answer.status < 502 || answer.status > 504);
      if (answer.status === 401) events.onRefused();
      return answer;
    } catch (thrown) {
      if (!init.signal?.aborted) events.onReached(false);
      throw thrown;
    }
  };
  const client = createClient({ url: BASE_URL, apiKey, fetch: watched, retries: RETRIES });
  return {
    client,
    noteReached: () => events.onReached(true),
    fetch: (path, init) => {
      const headers = new Headers(init.headers);
      headers.set('Authorization', `Token ${apiKey.trim()}`);
      return watched(new URL(BASE_PATH + path, BASE_URL), { ...init, headers, cache: 'no-store' });
    },
  };
}

export function storedKey(): string | null {
  return sessionStorage.getItem(STORED_AS);
}

/** @param key null forgets it */
export function storeKey(key: string | null): void {
  if (key === null) sessionStorage.removeItem(STORED_AS);
  else sessionStorage.setItem(STORED_AS, key);
}
