/** How jobs look on a terminal: tables for people, one JSON value a line for machines. */
import type { Job } from '#client/index';
import { formatSeconds } from './import/progress';

export function writeJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function showJob(job: Job): string {
  const lines: [name: string, value: string][] = [
    ['Job', job.job_id],
    ['Type', job.type],
    ['Status', job.error ? `${job.status}: ${job.error.message}` : job.status],
    ['File', job.filename || '-'],
    ['Rows', `${count(job.completed_rows)} of ${count(job.total_rows)}`],
    ['Created', count(job.created_rows)],
    ['Updated', count(job.updated_rows)],
    ['Unchanged', count(job.unchanged_rows)],
    ['Failed', count(job.failed_rows)],
    ['Took', formatSeconds(job.elapsed_time)],
  ];
  if (job.end_time === null) lines.push(['Left', formatSeconds(job.eta_seconds)]);
  for (const { path, message } of job.warnings) lines.push(['Warning', `${path}: ${message}`]);
  return lines.map(([name, value]) => `${name.padEnd(10)}${printable(value)}\n`).join('');
}

export function showJobLine(job: Job): string {
  const cells = [
    job.job_id,
    job.status.padEnd(15),
    `${count(job.completed_rows)}/${count(job.total_rows)}`.padEnd(15),
    `${count(job.failed_rows)} failed`.padEnd(13),
    job.submitted_at,
    printable(job.filename),
  ];
  return `${cells.join('  ').trimEnd()}\n`;
}

/** What others have named must not move the cursor. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '\uFFFD');
}

function count(rows: number | undefined): string {
  return rows === undefined ? '?' : rows.toLocaleString('en');
}
