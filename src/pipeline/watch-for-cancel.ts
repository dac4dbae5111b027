/**
 * Notices that the job of the slice in work was canceled, and interrupts its statement. The cancel holds without it: the
 * slice could not commit any more. But it would keep its worker, and locks that the next job may want, for nothing.
 */
import type { Logger } from '#logger';
import type { Store } from '#store/client';
import { interrupt, isCanceled } from '#store/move-job';

const INTERVAL_MS = 400;

export interface CancelWatch {
  /** From now on the server's process with this id is interrupted, again and again until the slice ends. */
  interrupts(pid: number): void;
  /** Whether the job was seen to be canceled. */
  isSeen(): boolean;
  stop(): void;
}

/** Watches until it is stopped; asks nothing of the database when the slice is as short as it should be. */
export function watchForCancel(
  jobId: string,
  { store, logger }: { store: Store; logger: Logger },
): CancelWatch {
  let pid: number | undefined;
  let isSeen = false;
  let isStopped = false;
  let isAsking = false;
  const inspect = async () => {
    if (pid === undefined || isAsking) return;
    isAsking = true;
    try {
      if (await isCanceled(store.pool, jobId)) {
        isSeen = true;
        if (!isStopped) await interrupt(store.pool, pid);
      }
    } catch (err) {
      logger.debug({ err, job_id: jobId }, 'job not inspected');
    }
    isAsking = false;
  };
  const timer = setInterval(() => void inspect(), INTERVAL_MS);
  return {
    interrupts(of) {
      pid = of;
    },
    isSeen: () => isSeen,
    stop() {
      isStopped = true;
      clearInterval(timer);
    },
  };
}
