/** The imports that had a row of one user or company, newest first. */
import type { Client, Job } from '#client/index';
import { Notice } from '../../parts/notice';
import { count } from '../../parts/numbers';
import type { Collection } from '../../route/route';
import { useLoaded } from '../../session/use-loaded';
import { JobTable } from '../jobs/job-table';

const MAX_IMPORTS = 10;
/** The service looks through its imports for the id: so long it is asked to. */
const MAX_LOOK_MS = 10_000;

interface Imports {
  jobs: readonly Job[];
  /** Why there are no more; empty while they are looked for. */
  end: string;
}

export function ProfileImports({ collection, id }: { collection: Collection; id: string }) {
  const { value, fault } = useLoaded(
    `imports of ${collection} ${id}`,
    (client, signal, show: (soFar: Imports) => void) =>
      findImports(client, collection === 'users' ? { userId: id } : { companyId: id }, signal, show),
  );
  const { jobs = [], end = '' } = value ?? {};
  return (
    <section class="imports" aria-labelledby="imports" aria-busy={end === ''}>
      <h2 id="imports">Imports that had it</h2>
      {fault !== '' && <Notice tone="error">{fault}</Notice>}
      {jobs.length > 0 && <JobTable jobs={jobs} />}
      {fault === '' && <p class="hint">{end || 'Looking through the imports …'}</p>}
    </section>
  );
}

async function findImports(
  client: Client,
  whose: { userId: string } | { companyId: string },
  signal: AbortSignal,
  show: (soFar: Imports) => void,
): Promise<Imports> {
  const jobs: Job[] = [];
  const late = AbortSignal.timeout(MAX_LOOK_MS);
  try {
    const found = client.jobs({ ...whose, limit: MAX_IMPORTS, signal: AbortSignal.any([signal, late]) });
    for await (const job of found) {
      jobs.push(job);
      show({ jobs: [...jobs], end: '' });
    }
  } catch (thrown) {
    if (!late.aborted) throw thrown;
    return { jobs, end: 'Older imports were not looked through.' };
  }
  if (jobs.length === MAX_IMPORTS) return { jobs, end: `The last ${count(MAX_IMPORTS)}.` };
  return { jobs, end: jobs.length === 0 ? 'None of those that are kept.' : 'All of those that are kept.' };
}
