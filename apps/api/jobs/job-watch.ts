/**
 * Tells whoever follows a job when it has changed: one look at the database for all changes of the moment, however many
 * clients follow. Word comes from the database (job-changes); in case it gets lost without a word, all followed jobs are
 * looked at now and then too.
 */
import type { Logger } from '#logger';
import type { Store } from '#store/client';
import { listenForJobChanges } from '#store/job-changes';
import { type ReadJob, readJobs } from '#store/jobs';

/** Called with the job as it has become; without one when the service ends and nothing more will be told. */
export type JobFollower = (job?: ReadJob) => void;

export interface JobWatch {
  /**
   * Calls the follower on every change from now on. Changes that come faster than they are read are told as one.
   * @returns stops that
   */
  follow(jobId: string, follower: JobFollower): () => void;
  /** Lets all followers go. */
  close(): Promise<void>;
}

const LOOK_ANYWAY_MS = 10_000;
const RETRY_MS = 1_000;

export interface JobWatchOptions {
  store: Store;
  databaseUrl: string;
  logger: Logger;
}

export function watchJobs({ store, databaseUrl, logger }: JobWatchOptions): JobWatch {
  const followers = new Map<string, Set<JobFollower>>();
  const changed = new Set<string>();
  let isReading = false;
  let isClosed = false;

  const note = (jobId?: string) => {
    if (jobId === undefined) for (const id of followers.keys()) changed.add(id);
    else if (followers.has(jobId)) changed.add(jobId);
    if (changed.size > 0 && !isReading && !isClosed) void read();
  };
  const read = async () => {
    isReading = true;
    while (changed.size > 0 && !isClosed) {
      const ids = [...changed];
      changed.clear();
      try {
        for (const job of await readJobs(store.pool, ids)) {
          for (const follower of [...(followers.get(job.id) ?? [])]) follower(job);
        }
      } catch (err) {
        logger.warn({ err }, 'followed jobs not read');
        for (const id of ids) changed.add(id);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
      }
    }
    isReading = false;
  };
  const changes = listenForJobChanges({ databaseUrl, logger, onChange: note });
  const timer = setInterval(note, LOOK_ANYWAY_MS);

  return {
    follow(jobId, follower) {
      const group = followers.get(jobId) ?? new Set();
      followers.set(jobId, group.add(follower));
      if (isClosed) setImmediate(follower);
      return () => {
        group.delete(follower);
        if (group.size === 0 && followers.get(jobId) === group) followers.delete(jobId);
      };
    },
    async close() {
      isClosed = true;
      clearInterval(timer);
      for (const group of followers.values()) for (const follower of [...group]) follower();
      await changes.close();
    },
  };
}
