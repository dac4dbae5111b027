/**
 * Reads jobs for many requests with few queries. While one query is on its way those who ask meanwhile wait for the next
 * one, which answers them all: so polling costs the database the less the more of it there is, and every answer is as
 * fresh as one by a query of its own.
 */
import type { Queryable } from '#store/client';
import { type AskedJob, type ReadJob, readAskedJobs } from '#store/jobs';

/** Reads a job; undefined when there is none of this id in the environment, or the key is revoked. */
export type JobReader = (asked: AskedJob) => Promise<ReadJob | undefined>;

interface Asking {
  asked: AskedJob;
  resolve(job: ReadJob | undefined): void;
  reject(error: unknown): void;
}

export function createJobReader(db: Queryable): JobReader {
  let waiting: Asking[] = [];
  let isReading = false;

  const read = async () => {
    isReading = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      try {
        const jobs = await readAskedJobs(
          db,
          batch.map(({ asked }) => asked),
        );
        for (const [index, { resolve }] of batch.entries()) resolve(jobs[index]);
      } catch (error) {
        // Those who have waited behind it must not wait for another time-out.
        for (const { reject } of [...batch, ...waiting.splice(0)]) reject(error);
      }
    }
    isReading = false;
  };

  return (asked) =>
    new Promise((resolve, reject) => {
      waiting.push({ asked, resolve, reject });
      if (!isReading) void read();
    });
}
