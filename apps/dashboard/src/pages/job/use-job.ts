/** The job of the page, and how fast it went since the page was opened. */
import { useEffect, useState } from 'preact/hooks';
import type { Job } from '#client/index';
import { explain } from '../../parts/explain';
import { useSession } from '../../session/session';
import { followJob } from './follow-job';
import { addSample, type Sample } from './measure-rate';

export interface FollowedJob {
  job: Job | undefined;
  /** By this page's clock. */
  seenAtMs: number;
  samples: readonly Sample[];
  fault: string;
  /** Shows the job as it is after something was done to it. */
  update(job: Job): void;
}

export function useJob(jobId: string): FollowedJob {
  const session = useSession();
  const [seen, setSeen] = useState<{ job: Job; atMs: number }>();
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  const [fault, setFault] = useState('');
  useEffect(() => {
    const stop = new AbortController();
    const follow = async () => {
      try {
        for await (const job of followJob(session, jobId, stop.signal)) {
          if (stop.signal.aborted) return;
          const atMs = Date.now();
          setSeen({ job, atMs });
          setSamples((before) => addSample(before, job, atMs));
        }
      } catch (thrown) {
        setFault(explain(thrown));
      }
    };
    void follow();
    return () => stop.abort();
  }, [session, jobId]);
  const update = (job: Job) => setSeen({ job, atMs: Date.now() });
  return { job: seen?.job, seenAtMs: seen?.atMs ?? 0, samples, fault, update };
}
