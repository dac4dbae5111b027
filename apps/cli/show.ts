/** How things look on a terminal: words for people, one JSON value a line for machines. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Job } from '#client/index';

export function writeJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Writes a stream to standard output, as fast as that takes it. */
export function pour(stream: ReadableStream<Uint8Array>): Promise<void> {
  return pipeline(Readable.fromWeb(stream as never), process.stdout, { end: false });
}

/** A job as lines of name and value. What a plain Userpilot does not say is left out. */
export function showJob(job: Partial<Job>): string {
  const { error, warnings = [], eta_seconds: left, elapsed_time: took } = job;
  const lines: [name: string, value: string | undefined][] = [
    ['Job', job.job_id],
    ['Type', job.type],
    ['Status', error ? `${job.status}: ${error.message}` : job.status],
    ['File', job.filename || undefined],
    [
      'Rows',
      job.completed_rows === undefined
        ? countOf(job.total_rows)
        : `${count(job.completed_rows)} of ${count(job.total_rows ?? 0)}`,
    ],
    ['Created', countOf(job.created_rows)],
    ['Updated', countOf(job.updated_rows)],
    ['Unchanged', countOf(job.unchanged_rows)],
    ['Failed', countOf(job.failed_rows)],
    ['Took', took === undefined ? undefined : formatSeconds(took)],
    ['Left', job.end_time || left === undefined ? undefined : formatSeconds(left)],
    ...warnings.map(({ path, message }): [string, string] => ['Warning', `${path}: ${message}`]),
  ];
  return lines
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name.padEnd(10)}${printable(value)}\n`]))
    .join('');
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

export function count(number: number): string {
  return number.toLocaleString('en');
}

function countOf(number: number | undefined): string | undefined {
  return number === undefined ? undefined : count(number);
}

export function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
