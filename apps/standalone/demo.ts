/** `--demo`: imports the example file through the API, as any client would, and shows the progress. */
import { openAsBlob } from 'node:fs';
import { Presets, SingleBar } from 'cli-progress';
import { createClient, isMusterError } from '#client/index';
import { examplesFile } from './banner';

/** Writes to standard output; a fault is a sentence there, never the end of the service. */
export async function runDemo(url: string, apiKey: string): Promise<void> {
  const client = createClient({ url, apiKey });
  const bar = new SingleBar(
    {
      format: 'Importing examples/users.ndjson  {bar}  {value}/{total} users  {status}',
      noTTYOutput: true,
      notTTYSchedule: 2000,
      stream: process.stdout,
    },
    Presets.shades_classic,
  );
  try {
    const accepted = await client.importUsers(await openAsBlob(examplesFile()), { filename: 'users.ndjson' });
    bar.start(accepted.total_rows, 0, { status: accepted.status });
    for await (const job of client.watch(accepted.job_id)) {
      bar.update(job.completed_rows, { status: job.status });
      if (job.end_time === null) continue;
      bar.stop();
      process.stdout.write(
        `${job.status}: ${job.created_rows} created, ${job.updated_rows} updated, ` +
          `${job.unchanged_rows} unchanged, ${job.failed_rows} failed.\n`,
      );
    }
  } catch (error) {
    bar.stop();
    const reason = isMusterError(error) ? error.message : 'the service went away.';
    process.stdout.write(`The demo stopped: ${reason}\n`);
  }
}
