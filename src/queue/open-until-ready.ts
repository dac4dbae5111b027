/**
 * Opens a part of BullMQ that may fail to connect at first. On PostgreSQL BullMQ remembers a first connection that failed
 * for good; so what is not ready is closed, and opened anew a little later, until it is.
 */
import { setTimeout as sleep } from 'node:timers/promises';

const RETRY_MS = 500;

interface Openable {
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}

export interface Opening<T> {
  /** Never rejects; never settles when it is closed before. */
  ready: Promise<T>;
  /** Gives up trying, or closes what was opened. */
  close(): Promise<void>;
}

/** Opens, and tries again as long as it takes. */
export function openUntilReady<T extends Openable>(open: () => T): Opening<T> {
  let current = open();
  let closing = false;
  const ready = new Promise<T>((resolve) => {
    const attempt = async (): Promise<void> => {
      try {
        await current.waitUntilReady();
        if (!closing) resolve(current);
      } catch {
        await current.close().catch(() => undefined);
        await sleep(RETRY_MS, undefined, { ref: false });
        if (closing) return;
        current = open();
        return attempt();
      }
    };
    void attempt();
  });
  return {
    ready,
    async close() {
      closing = true;
      await current.close();
    },
  };
}
