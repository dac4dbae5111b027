/**
 * GET /v1/background_jobs/{job_id}/results: every row of a job in the order it came, as NDJSON or CSV, or the rows
 * themselves as they came. Streamed: a page of rows is in memory at a time.
 */
import { type Request, type Response, Router } from 'express';
import type { Dialect } from '#dialect/dialect';
import { readShownOrigin } from '#pipeline/erased-header';
import { listResults } from '#pipeline/list-results';
import { MAX_ROW_BYTES } from '#pipeline/read-row';
import type { RowResult } from '#store/row-results';
import { readRowTail } from '#store/row-tails';
import { type ApiDeps, callerOf } from '../context';
import { methodNotAllowed } from '../method-not-allowed';
import { readQuery } from '../parameters';
import { writeCsv } from '../write-csv';
import { writePart } from '../write-part';
import { ErrorColumn, type Table } from './error-column';
import { requireJob, requireJobId } from './find-job';
import { RESULTS_PARAMETERS } from './parameters';

/** How the rows are written. */
interface Format {
  contentType: string;
  /** File name extension. */
  extension: string;
  /** What comes before the first row. */
  head: Buffer | string;
  write(page: RowResult[]): Iterable<Buffer | string> | AsyncIterable<Buffer | string>;
}

export function sendResults(deps: ApiDeps, dialect: Dialect): Router {
  const router = Router({ caseSensitive: true });
  router
    .route('/v1/background_jobs/:jobId/results')
    .get(async (req, res) => {
      const query = readQuery(req, RESULTS_PARAMETERS);
      const { outcome: outcomes, as, values } = query;
      const job = await requireJob(deps, res, requireJobId(req, res, dialect));
      const { environmentId } = callerOf(res);
      const origin = await readShownOrigin(deps.store.pool, job);
      const { csvHeader, reading } = origin;
      deps.longAnswers.add('streams_per_key', callerOf(res).keyId, res);
      const { id: jobId, entity } = job;
      const readTail = (row: number) => readRowTail(deps.store.pool, { environmentId, jobId, row });
      const table =
        query.with_errors && csvHeader !== null
          ? { csvHeader, delimiter: reading.delimiter ?? ',' }
          : undefined;
      const format = as === 'input' ? inputFormat(csvHeader, readTail, table) : resultsFormat(req, res);
      const request = {
        environmentId,
        jobId,
        entity,
        ...origin,
        outcomes,
        withRaw: as === 'input',
        withValues: values,
      };
      res.attachment(`${jobId}-${as}.${format.extension}`).type(format.contentType);
      await send(req, res, format, listResults(deps.store.pool, request));
    })
    .all(methodNotAllowed('GET, HEAD'));
  return router;
}

/** Nothing is sent before the first page is there, so that a fault until then has its own answer. */
async function send(
  req: Request,
  res: Response,
  format: Format,
  pages: AsyncIterable<RowResult[]>,
): Promise<void> {
  let pending: Buffer | string = format.head;
  for await (const page of req.method === 'HEAD' ? [] : pages) {
    if (!(await writePart(res, pending))) return;
    for await (const part of format.write(page)) if (!(await writePart(res, part))) return;
    pending = '';
  }
  res.end(pending);
}

function resultsFormat(req: Request, res: Response): Format {
  res.vary('Accept');
  return req.accepts(['application/x-ndjson', 'text/csv']) === 'text/csv' ? CSV : NDJSON;
}

const NDJSON: Format = {
  contentType: 'application/x-ndjson',
  extension: 'ndjson',
  head: '',
  write: (page) => [page.map((result) => `${JSON.stringify(showResult(result))}\n`).join('')],
};

function showResult({ row, line, id, outcome, errors, erased, superseded }: RowResult): object {
  return {
    row,
    line,
    id,
    outcome,
    errors,
    ...(erased && { erased }),
    ...(superseded && !erased && { superseded }),
  };
}

const CSV_COLUMNS = ['row', 'line', 'id', 'outcome', 'erased', 'error_codes', 'error_messages'];

const CSV: Format = {
  contentType: 'text/csv',
  extension: 'csv',
  head: writeCsv([CSV_COLUMNS]),
  write: (page) => [
    writeCsv(
      page.map(({ row, line, id, outcome, errors, erased }) => [
        row,
        line,
        id,
        outcome,
        String(erased),
        errors.map(({ code }) => code).join('; '),
        errors.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; '),
      ]),
    ),
  ],
};

/**
 * Rows that were erased are gone. A table keeps its header.
 * @param table whose records get a last cell that says why they failed
 */
function inputFormat(
  csvHeader: Buffer | null,
  readTail: (row: number) => AsyncIterable<Buffer>,
  table: Table | undefined,
): Format {
  const writer = table && new ErrorColumn(table);
  /** Long rows piece by piece, the others together. */
  async function* write(page: RowResult[]): AsyncGenerator<Buffer> {
    let parts: Buffer[] = [];
    for (const { row, raw, errors } of page) {
      if (raw === null || raw.length === 0) continue;
      parts.push(writer?.add(raw, errors) ?? raw);
      if (raw.length > MAX_ROW_BYTES) {
        yield Buffer.concat(parts);
        parts = [];
        yield* readTail(row);
      }
      parts.push(NEW_LINE);
    }
    yield Buffer.concat(parts);
  }
  return {
    contentType: csvHeader === null ? 'application/x-ndjson' : 'text/csv',
    extension: csvHeader === null ? 'ndjson' : 'csv',
    head: csvHeader === null ? '' : Buffer.concat([writer?.header ?? csvHeader, NEW_LINE]),
    write,
  };
}

const NEW_LINE = Buffer.from('\n');
