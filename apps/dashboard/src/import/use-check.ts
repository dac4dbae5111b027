/** The check of a file, done anew when the way it is read changes. */
import { useEffect, useState } from 'preact/hooks';
import type { CheckProgress, CheckResult, Columns, FileTask, OpenedFile } from '../check/messages';
import { runTask } from '../check/run-task';
import { explain } from '../parts/explain';

export interface Check {
  progress: CheckProgress;
  /** Undefined while it is being checked. */
  result: CheckResult | undefined;
  fault: string;
}

const NOT_YET: Check = { progress: { bytes: 0, rows: 0, failedRows: 0 }, result: undefined, fault: '' };
/** While somebody types a name it is not checked at each letter. */
const SETTLE_MS = 250;

/** @param task undefined while it is not known yet how to read the file */
export function useCheck(task: FileTask | undefined): Check {
  const [check, setCheck] = useState(NOT_YET);
  useEffect(() => {
    setCheck((before) => ({ ...before, result: undefined, fault: '' }));
    if (task === undefined) return;
    const stop = new AbortController();
    const start = () => {
      runTask({ name: 'check', ...task }, stop.signal, (progress) =>
        setCheck({ progress, result: undefined, fault: '' }),
      ).then(
        (result) => setCheck({ progress: result, result, fault: '' }),
        (thrown) => setCheck({ ...NOT_YET, fault: explain(thrown) }),
      );
    };
    const timer = window.setTimeout(start, SETTLE_MS);
    stop.signal.addEventListener('abort', () => window.clearTimeout(timer));
    return () => stop.abort();
  }, [task]);
  return check;
}

/** What the file is; undefined until that is known. */
export function useColumns({ file, kind, delimiter }: OpenedFile): {
  columns: Columns | undefined;
  fault: string;
} {
  const [state, setState] = useState<{ columns: Columns | undefined; fault: string }>({
    columns: undefined,
    fault: '',
  });
  useEffect(() => {
    const stop = new AbortController();
    runTask({ name: 'describe', file, kind, delimiter }, stop.signal).then(
      (columns) => setState({ columns, fault: '' }),
      (thrown) => setState({ columns: undefined, fault: explain(thrown) }),
    );
    return () => stop.abort();
  }, [file, kind, delimiter]);
  return state;
}
