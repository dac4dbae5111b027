/** The newest jobs, asked for again and again while somebody looks. */
import { useEffect, useState } from 'preact/hooks';
import { type Client, isMusterError, type Job } from '#client/index';
import { explain } from '../../parts/explain';
import { pause, untilVisible } from '../../parts/wait';
import { useSession } from '../../session/session';
import type { ListFilter } from './list-filter';

const POLL_MS = 2_000;

export interface JobList {
  /** Undefined until the first answer. */
  jobs: Job[] | undefined;
  /** Whether there are older ones. */
  hasMore: boolean;
  fault: string;
}

const NOTHING_YET: JobList = { jobs: undefined, hasMore: false, fault: '' };

/** @param limit most jobs in the list */
export function useJobs({ status, kind }: ListFilter, limit: number): JobList {
  const { client } = useSession();
  const [list, setList] = useState(NOTHING_YET);
  useEffect(() => {
    const stop = new AbortController();
    void poll(client, { status, kind, text: '' }, limit, stop.signal, setList);
    return () => stop.abort();
  }, [client, status, kind, limit]);
  return list;
}

async function poll(
  client: Client,
  filter: ListFilter,
  limit: number,
  signal: AbortSignal,
  show: (list: JobList) => void,
): Promise<void> {
  let shown = '';
  while (!signal.aborted) {
    try {
      const list = await readList(client, filter, limit, signal);
      const text = JSON.stringify(list);
      // Nothing is drawn again that has not changed.
      if (text !== shown && !signal.aborted) show(list);
      shown = text;
    } catch (thrown) {
      if (signal.aborted) return;
      // What was shown stays, under the banner of the page: only an answer that says no is a fault of this list.
      if (!isMusterError(thrown, 'unreachable', 'unavailable'))
        show({ ...NOTHING_YET, fault: explain(thrown) });
    }
    await pause(POLL_MS, signal);
    await untilVisible(signal);
  }
}

async function readList(
  client: Client,
  { status, kind }: ListFilter,
  limit: number,
  signal: AbortSignal,
): Promise<JobList> {
  const jobs: Job[] = [];
  const options = {
    limit: limit + 1,
    signal,
    ...(status === '' ? {} : { status }),
    ...(kind === '' ? {} : { type: `bulk_identify_${kind}` as const }),
  };
  for await (const job of client.jobs(options)) jobs.push(job);
  return { jobs: jobs.slice(0, limit), hasMore: jobs.length > limit, fault: '' };
}
