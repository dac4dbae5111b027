import { Link } from '../route/link';
import { jobAddress } from '../route/route';
import { explain, runningJob } from './explain';
import { Notice } from './notice';

interface BusyNoticeProps {
  thrown: unknown;
  /** Does the same again, to wait its turn. */
  onWait(): void;
}

/** Why the service refused an import; when another one runs, which one, and the offer to wait. */
export function BusyNotice({ thrown, onWait }: BusyNoticeProps) {
  const jobId = runningJob(thrown);
  return (
    <Notice tone="error">
      <p>{explain(thrown)}</p>
      {jobId !== undefined && (
        <p class="buttons">
          <button type="button" onClick={onWait}>
            Wait its turn
          </button>
          <Link to={jobAddress(jobId)}>Go to the running job</Link>
        </p>
      )}
    </Notice>
  );
}
