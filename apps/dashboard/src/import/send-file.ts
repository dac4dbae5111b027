/** Sends a checked file as it is, with what was said of how it is to be read. */
import type { Client, ImportOptions, Job } from '#client/index';
import type { FileTask } from '../check/messages';

/**
 * @returns the accepted job
 * @throws MusterError; Error when the file cannot be read any more
 */
export async function sendFile(client: Client, task: FileTask, options: ImportOptions): Promise<Job> {
  const { file, kind, mapping, delimiter } = task;
  const send = kind === 'users' ? client.importUsers : client.importCompanies;
  return send(file, { ...options, filename: file.name, format: 'file', mapping, delimiter });
}
