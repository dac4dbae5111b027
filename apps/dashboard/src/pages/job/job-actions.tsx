/** Canceling and retrying, each after a second question. */
import { useState } from 'preact/hooks';
import { isFinished, type Job } from '#client/index';
import { BusyNotice } from '../../parts/busy-notice';
import { Dialog } from '../../parts/dialog';
import { rows } from '../../parts/numbers';
import { navigate } from '../../route/navigate';
import { jobAddress } from '../../route/route';
import { useMayImport } from '../../session/environment';
import { useSession } from '../../session/session';

interface JobActionsProps {
  job: Job;
  onChange(job: Job): void;
}

export function JobActions({ job, onChange }: JobActionsProps) {
  const [asked, setAsked] = useState<'cancel' | 'retry'>();
  const left = job.total_rows - job.completed_rows + job.failed_rows;
  const close = () => setAsked(undefined);
  if (!useMayImport()) return null;
  return (
    <div class="buttons">
      {!isFinished(job) && (
        <button type="button" onClick={() => setAsked('cancel')}>
          Cancel job
        </button>
      )}
      {isFinished(job) && left > 0 && (
        <button type="button" onClick={() => setAsked('retry')}>
          {`Retry ${rows(left)}`}
        </button>
      )}
      {asked === 'cancel' && <CancelDialog job={job} onChange={onChange} onClose={close} />}
      {asked === 'retry' && <RetryDialog job={job} left={left} onClose={close} />}
    </div>
  );
}

function CancelDialog({ job, onChange, onClose }: JobActionsProps & { onClose(): void }) {
  const { client } = useSession();
  const { fault, isBusy, attempt } = useAttempt();
  const cancel = () =>
    attempt(async () => {
      onChange(await client.cancel(job.job_id));
      onClose();
    });
  return (
    <Dialog title="Cancel this job?" onClose={onClose}>
      <p>Rows that were applied stay. No further row is written, and the rest can be retried.</p>
      {fault !== undefined && <BusyNotice thrown={fault} onWait={() => void cancel()} />}
      <div class="buttons dialog-end">
        <button type="button" onClick={onClose}>
          Let it run
        </button>
        <button type="button" class="danger" disabled={isBusy} onClick={() => void cancel()}>
          Cancel the job
        </button>
      </div>
    </Dialog>
  );
}

function RetryDialog({ job, left, onClose }: { job: Job; left: number; onClose(): void }) {
  const { client } = useSession();
  const { fault, isBusy, attempt } = useAttempt();
  const retry = (onBusy: 'reject' | 'queue') =>
    attempt(async () => {
      const next = await client.retry(job.job_id, { onBusy });
      onClose();
      navigate(jobAddress(next.job_id));
    });
  return (
    <Dialog title={`Retry ${rows(left)}?`} onClose={onClose}>
      <p>
        A new job imports the failed and unprocessed rows as they were sent. Rows with faults of their own
        fail again.
      </p>
      {fault !== undefined && <BusyNotice thrown={fault} onWait={() => void retry('queue')} />}
      <div class="buttons dialog-end">
        <button type="button" onClick={onClose}>
          Not now
        </button>
        <button type="button" class="primary" disabled={isBusy} onClick={() => void retry('reject')}>
          Retry
        </button>
      </div>
    </Dialog>
  );
}

/** Something that is tried, once at a time. */
function useAttempt() {
  const [fault, setFault] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const attempt = async (act: () => Promise<void>) => {
    setBusy(true);
    setFault(undefined);
    try {
      await act();
    } catch (thrown) {
      setFault(thrown);
      setBusy(false);
    }
  };
  return { fault, isBusy, attempt };
}
