/** What became of the rows of an import, and the rows themselves as they were sent. */

import type { Outcome, RowResult } from './api';
import { isMusterError } from './errors';
import { NDJSON_TYPE, openStream, readRows } from './http/answer-stream';
import type { Connection } from './http/request';
import { type CallOptions, jobPath } from './jobs';
import type { Format } from './write-rows';

export interface ResultsOptions extends CallOptions {
  /** Only rows with one of these. Default: all. */
  outcome?: Outcome | readonly Outcome[];
}

/** Rows as they were sent, byte for byte. */
export interface InputFile {
  /** Give it along when the rows are imported again. */
  format: Exclude<Format, 'json'>;
  stream: ReadableStream<Uint8Array>;
}

/** In the order of the input. Goes on where it was when the connection breaks. @throws MusterError */
export async function* readResults(
  connection: Connection,
  jobId: string,
  options: ResultsOptions,
): AsyncGenerator<RowResult, void, undefined> {
  const request = { path: resultsPath(jobId), query: filter(options), signal: options.signal };
  for (let last = 0; ; ) {
    const before = last;
    try {
      for await (const result of readRows<RowResult>(connection, request)) {
        if (result.row <= last) continue;
        last = result.row;
        yield result;
      }
      return;
    } catch (thrown) {
      const goesOn = last > before && connection.retries > 0 && isMusterError(thrown, 'unreachable');
      if (!goesOn) throw thrown;
    }
  }
}

/** The same as a table in CSV. @throws MusterError */
export async function openResultsCsv(
  connection: Connection,
  jobId: string,
  options: ResultsOptions,
): Promise<ReadableStream<Uint8Array>> {
  const headers = { Accept: 'text/csv' };
  const { signal } = options;
  const request = { path: resultsPath(jobId), query: filter(options), headers, signal };
  return (await openStream(connection, request)).stream;
}

/** @throws MusterError */
export async function openInput(
  connection: Connection,
  jobId: string,
  options: ResultsOptions,
): Promise<InputFile> {
  const query = { ...filter(options), as: 'input' };
  const headers = { Accept: `${NDJSON_TYPE}, text/csv` };
  const request = { path: resultsPath(jobId), query, headers, signal: options.signal };
  const answer = await openStream(connection, request);
  const isCsv = /^text\/csv\b/i.test(answer.headers.get('content-type') ?? '');
  return { format: isCsv ? 'csv' : 'ndjson', stream: answer.stream };
}

function resultsPath(jobId: string): string {
  return `${jobPath(jobId)}/results`;
}

function filter({ outcome }: ResultsOptions): { outcome: string | undefined } {
  return { outcome: outcome === undefined ? undefined : [outcome].flat().join(',') };
}
