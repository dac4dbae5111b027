/** Something that is read from the service once, for as long as it is shown. */
import { useEffect, useState } from 'preact/hooks';
import type { Client } from '#client/index';
import { explain } from '../parts/explain';
import { useSession } from './session';

export interface Loaded<T> {
  /** Undefined until the answer. */
  value: T | undefined;
  fault: string;
}

/**
 * @param key says what is loaded: another key is loaded anew
 * @param load may show what it has so far, before it is done
 */
export function useLoaded<T>(
  key: string,
  load: (client: Client, signal: AbortSignal, show: (soFar: T) => void) => Promise<T>,
): Loaded<T> {
  const { client } = useSession();
  const [loaded, setLoaded] = useState<Loaded<T> & { key: string }>();
  // `load` is another function each time; the key says what it loads.
  useEffect(() => {
    const stop = new AbortController();
    const settle = (value: T | undefined, fault: string) => {
      if (!stop.signal.aborted) setLoaded({ key, value, fault });
    };
    load(client, stop.signal, (soFar) => settle(soFar, '')).then(
      (value) => settle(value, ''),
      (thrown) => settle(undefined, explain(thrown)),
    );
    return () => stop.abort();
  }, [client, key]);
  return loaded?.key === key ? loaded : { value: undefined, fault: '' };
}
