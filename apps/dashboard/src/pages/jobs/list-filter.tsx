/** Which of the jobs are shown. */
import { type Job, type ShownStatus, shownStatus } from '#client/index';
import { STATUSES } from '#job/lifecycle';

export interface ListFilter {
  status: ShownStatus | '';
  kind: 'users' | 'companies' | '';
  /** Part of a file's name or of a job's id. */
  text: string;
}

export const NO_FILTER: ListFilter = { status: '', kind: '', text: '' };

/** What the service did not filter already. */
export function isShown(job: Job, { status, text }: ListFilter): boolean {
  if (status !== '' && shownStatus(job) !== status) return false;
  const wanted = text.trim().toLowerCase();
  return job.filename.toLowerCase().includes(wanted) || job.job_id.startsWith(wanted);
}

interface FilterBarProps {
  filter: ListFilter;
  onChange(filter: ListFilter): void;
}

export function FilterBar({ filter, onChange }: FilterBarProps) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: the element search is not known to every browser
    <div class="filters" role="search" aria-label="Jobs">
      <label class="grow">
        <span class="sr-only">File or job id</span>
        <input
          type="search"
          placeholder="File or job id"
          value={filter.text}
          onInput={(event) => onChange({ ...filter, text: event.currentTarget.value })}
        />
      </label>
      <label>
        <span class="sr-only">Status</span>
        <select
          value={filter.status}
          onChange={(event) =>
            onChange({ ...filter, status: event.currentTarget.value as ListFilter['status'] })
          }
        >
          <option value="">Every status</option>
          {STATUSES.map((status) => (
            <option key={status}>{status}</option>
          ))}
        </select>
      </label>
      <label>
        <span class="sr-only">Kind</span>
        <select
          value={filter.kind}
          onChange={(event) => onChange({ ...filter, kind: event.currentTarget.value as ListFilter['kind'] })}
        >
          <option value="">Every kind</option>
          <option value="users">Users</option>
          <option value="companies">Companies</option>
        </select>
      </label>
    </div>
  );
}
