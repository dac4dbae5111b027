/** Sends a checked file: as it is, or as the NDJSON that a mapping makes of it. */
import type { Client, ImportOptions, Job } from '#client/index';
import type { FileTask } from '../check/messages';
import { runTask } from '../check/run-task';

/**
 * @returns the accepted job
 * @throws MusterError; Error when the file cannot be read any more
 */
export async function sendFile(client: Client, task: FileTask, options: ImportOptions): Promise<Job> {
  const { file, kind, format, mapping } = task;
  const isConverted = format === 'csv' && mapping !== null;
  const content = isConverted
    ? await runTask({ name: 'convert', ...task }, new AbortController().signal)
    : file;
  const send = kind === 'users' ? client.importUsers : client.importCompanies;
  return send(content, { ...options, filename: file.name, format: isConverted ? 'ndjson' : format });
}
