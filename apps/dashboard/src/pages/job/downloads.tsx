/** Files of a job: what became of each row, and the rows that failed as they were sent. */
import { useState } from 'preact/hooks';
import type { Client, Job } from '#client/index';
import { explain } from '../../parts/explain';
import { Notice } from '../../parts/notice';
import { useSession } from '../../session/session';

interface Made {
  name: string;
  blob: Blob;
}

type Make = (client: Client, job: Job) => Promise<Made>;

const makeCsv: Make = async (client, job) => ({
  name: `${baseName(job)}-results.csv`,
  blob: await new Response(await client.resultsCsv(job.job_id)).blob(),
});

const makeNdjson: Make = async (client, job) => {
  const parts: string[] = [];
  for await (const result of client.results(job.job_id)) parts.push(`${JSON.stringify(result)}\n`);
  return { name: `${baseName(job)}-results.ndjson`, blob: new Blob(parts, { type: 'application/x-ndjson' }) };
};

const makeFailed: Make = async (client, job) => {
  const { format, stream } = await client.input(job.job_id, { outcome: ['failed', 'unprocessed'] });
  return { name: `${baseName(job)}-failed.${format}`, blob: await new Response(stream).blob() };
};

export function Downloads({ job }: { job: Job }) {
  const { client } = useSession();
  const [fault, setFault] = useState('');
  const [isBusy, setBusy] = useState(false);
  const hasFailed = job.failed_rows > 0 || job.completed_rows < job.total_rows;
  const start = async (make: Make) => {
    setBusy(true);
    setFault('');
    try {
      save(await make(client, job));
    } catch (thrown) {
      setFault(explain(thrown));
    }
    setBusy(false);
  };
  const button = (text: string, make: Make) => (
    <button type="button" disabled={isBusy} onClick={() => void start(make)}>
      {text}
    </button>
  );
  return (
    <section class="panel" aria-labelledby="downloads">
      <h2 id="downloads">Downloads</h2>
      <div class="buttons">
        {button('Results as CSV', makeCsv)}
        {button('Results as NDJSON', makeNdjson)}
        {hasFailed && button('Failed rows, as sent', makeFailed)}
      </div>
      {hasFailed && (
        <p class="hint">The failed rows come as they were sent: mend them and drop the file here.</p>
      )}
      {fault !== '' && <Notice tone="error">{fault}</Notice>}
    </section>
  );
}

function baseName({ filename, job_id: jobId }: Job): string {
  const name = filename.replace(/\.[a-z]{1,6}$/i, '');
  return name === '' ? `job-${jobId.slice(0, 8)}` : name;
}

function save({ name, blob }: Made): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser has taken the bytes by then.
  window.setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
