/** The errors of a job's rows, read as they come in. */
import { useEffect, useState } from 'preact/hooks';
import { type Client, isFinished, isMusterError, type Job, type RowError } from '#client/index';
import { explain } from '../../parts/explain';
import { pause } from '../../parts/wait';
import { useSession } from '../../session/session';

export interface ErrorOfRow {
  row: number;
  line: number | null;
  id: string | null;
  code: RowError['code'];
  path: string;
  message: string;
}

export interface RowErrors {
  errors: readonly ErrorOfRow[];
  isComplete: boolean;
  fault: string;
}

const NONE: RowErrors = { errors: [], isComplete: false, fault: '' };
/** Rows often fail one slice after another: only what has settled for so long is read. */
const SETTLE_MS = 1_500;
/** Between two tries while the service does not answer. */
const AGAIN_MS = 3_000;
/** Between two drawings while the list comes in. */
const DRAW_MS = 150;

export function useRowErrors(job: Job): RowErrors {
  const { client } = useSession();
  const [state, setState] = useState(NONE);
  const { job_id: jobId, failed_rows: failedRows } = job;
  const isOver = isFinished(job);
  useEffect(() => {
    if (failedRows === 0) return;
    const stop = new AbortController();
    const load = async () => {
      if (!isOver) await pause(SETTLE_MS, stop.signal);
      while (!stop.signal.aborted) {
        try {
          await readErrors(client, jobId, stop.signal, setState);
          return;
        } catch (thrown) {
          if (stop.signal.aborted) return;
          if (!isMusterError(thrown, 'unreachable', 'unavailable')) {
            setState((before) => ({ ...before, isComplete: true, fault: explain(thrown) }));
            return;
          }
        }
        await pause(AGAIN_MS, stop.signal);
      }
    };
    void load();
    return () => stop.abort();
  }, [client, jobId, failedRows, isOver]);
  return state;
}

async function readErrors(
  client: Client,
  jobId: string,
  signal: AbortSignal,
  show: (state: RowErrors | ((before: RowErrors) => RowErrors)) => void,
): Promise<void> {
  const errors: ErrorOfRow[] = [];
  // What was there before is not taken away while it is read again.
  const grown = (isComplete: boolean) => (before: RowErrors) =>
    isComplete || errors.length > before.errors.length
      ? { errors: [...errors], isComplete, fault: '' }
      : before;
  let drawnMs = performance.now();
  for await (const { row, line, id, errors: ofRow } of client.results(jobId, { outcome: 'failed', signal })) {
    for (const { code, path, message } of ofRow) errors.push({ row, line, id, code, path, message });
    if (performance.now() - drawnMs < DRAW_MS) continue;
    drawnMs = performance.now();
    show(grown(false));
  }
  if (!signal.aborted) show(grown(true));
}
