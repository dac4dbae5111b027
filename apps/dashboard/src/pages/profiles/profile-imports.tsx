/** The imports that had a row of one user or company, newest first. */
import type { Job } from '#client/index';
import { Notice } from '../../parts/notice';
import { count } from '../../parts/numbers';
import type { Collection } from '../../route/route';
import { useLoaded } from '../../session/use-loaded';
import { JobTable } from '../jobs/job-table';

const MAX_IMPORTS = 10;

interface Imports {
  jobs: readonly Job[];
  isComplete: boolean;
}

export function ProfileImports({ collection, id }: { collection: Collection; id: string }) {
  const { value: imports, fault } = useLoaded<Imports>(
    `imports of ${collection} ${id}`,
    async (client, signal, show) => {
      const jobs: Job[] = [];
      const whose = collection === 'users' ? { userId: id } : { companyId: id };
      for await (const job of client.jobs({ ...whose, limit: MAX_IMPORTS, signal })) {
        jobs.push(job);
        show({ jobs: [...jobs], isComplete: false });
      }
      return { jobs, isComplete: true };
    },
  );
  const { jobs = [], isComplete = false } = imports ?? {};
  return (
    <section class="imports" aria-labelledby="imports" aria-busy={!isComplete}>
      <h2 id="imports">Imports that had it</h2>
      {fault !== '' && <Notice tone="error">{fault}</Notice>}
      {jobs.length > 0 && <JobTable jobs={jobs} />}
      {!isComplete && fault === '' && <p class="hint">Looking through the imports …</p>}
      {isComplete && jobs.length === 0 && <p class="hint">None of those that are kept.</p>}
      {isComplete && jobs.length === MAX_IMPORTS && <p class="hint">{`The last ${count(MAX_IMPORTS)}.`}</p>}
    </section>
  );
}
