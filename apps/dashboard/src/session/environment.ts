/** What the key opens: the environment's name, what the key may do there, and the limits. */
import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { Environment } from '#client/index';
import { pause } from '../parts/wait';
import type { Session } from './session';

const AGAIN_MS = 5_000;

/** Undefined until it is known. */
export const EnvironmentContext = createContext<Environment | undefined>(undefined);

export function useEnvironment(): Environment | undefined {
  return useContext(EnvironmentContext);
}

/** Whether the key may import, cancel and retry; true until it is known, as the service says no itself. */
export function useMayImport(): boolean {
  return useEnvironment()?.scope !== 'read';
}

/** Reads it once for each session, as soon as the service answers. */
export function useReadEnvironment(session: Session | null): Environment | undefined {
  const [environment, setEnvironment] = useState<Environment>();
  useEffect(() => {
    setEnvironment(undefined);
    if (session === null) return;
    const stop = new AbortController();
    const { signal } = stop;
    const read = async () => {
      while (!signal.aborted) {
        try {
          return setEnvironment(await session.client.environment({ signal }));
        } catch {
          await pause(AGAIN_MS, signal);
        }
      }
    };
    void read();
    return () => stop.abort();
  }, [session]);
  return environment;
}
