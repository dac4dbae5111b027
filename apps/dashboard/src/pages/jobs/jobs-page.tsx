/** The jobs of the environment, newest first, as they go. */
import { useState } from 'preact/hooks';
import { ImportButton } from '../../import/import-drop';
import { Empty } from '../../parts/empty';
import { Heading } from '../../parts/heading';
import { Notice } from '../../parts/notice';
import { JobTable } from './job-table';
import { FilterBar, isShown, NO_FILTER } from './list-filter';
import { useJobs } from './use-jobs';

const PAGE_JOBS = 25;

export function JobsPage() {
  const [filter, setFilter] = useState(NO_FILTER);
  const [limit, setLimit] = useState(PAGE_JOBS);
  const { jobs, hasMore, fault } = useJobs(filter, limit);
  const isFiltered = filter !== NO_FILTER && Object.values(filter).some((value) => value !== '');
  const shown = jobs?.filter((job) => isShown(job, filter));
  return (
    <>
      <div class="page-head">
        <div>
          <Heading title="Jobs" />
          <p class="lede">Drop a file anywhere to check it here, before a single row is sent.</p>
        </div>
        <ImportButton />
      </div>
      <FilterBar filter={filter} onChange={setFilter} />
      {fault !== '' && <Notice tone="error">{fault}</Notice>}
      {shown === undefined && fault === '' && <div class="panel waiting" aria-busy="true" />}
      {shown !== undefined && shown.length > 0 && <JobTable jobs={shown} />}
      {shown?.length === 0 &&
        (isFiltered ? (
          <Empty title="No job is like that.">
            <button type="button" onClick={() => setFilter(NO_FILTER)}>
              Show every job
            </button>
          </Empty>
        ) : (
          <Empty title="Nothing was imported yet.">
            <p>
              Drop a file of users here, or take <code>examples/users.ndjson</code> to try it. From the
              command line:
            </p>
            <pre class="command">muster import users.ndjson</pre>
          </Empty>
        ))}
      {hasMore && (
        <p class="more">
          <button type="button" onClick={() => setLimit(limit + PAGE_JOBS)}>
            Show older jobs
          </button>
        </p>
      )}
    </>
  );
}
