/**
 * GET /v1/background_jobs/{job_id}/results: every row of a job in the order it came, as NDJSON or CSV, or the rows
 * themselves as they came. Streamed: a page of rows is in memory at a time.
 */
import { stringify } from 'csv-stringify/sync';
import { type Request, type Response, Router } from 'express';
import type { Dialect } from '#dialect/dialect';
import { listResults } from '#pipeline/list-results';
import { readCsvHeader } from '#store/jobs';
import type { RowResult } from '#store/row-results';
import { type ApiDeps, callerOf } from '../context';
import { methodNotAllowed } from '../method-not-allowed';
import { readQuery } from '../parameters';
import { writePart } from '../write-part';
import { requireJob, requireJobId } from './find-job';
import { RESULTS_PARAMETERS } from './parameters';

/** How the rows are written. */
interface Format {
  contentType: string;
  /** File name extension. */
  extension: string;
  /** What comes before the first row. */
  head: Buffer | string;
  write(page: RowResult[]): Buffer | string;
}

export function sendResults(deps: ApiDeps, dialect: Dialect): Router {
  const router = Router({ caseSensitive: true });
  router
    .route('/v1/background_jobs/:jobId/results')
    .get(async (req, res) => {
      const { outcome: outcomes, as } = readQuery(req, RESULTS_PARAMETERS);
      const job = await requireJob(deps, res, requireJobId(req, res, dialect));
      const { environmentId } = callerOf(res);
      const csvHeader = await readCsvHeader(deps.store.pool, environmentId, job.id);
      deps.longAnswers.add('streams_per_key', callerOf(res).keyId, res);
      const format = as === 'input' ? inputFormat(csvHeader) : resultsFormat(req, res);
      const { id: jobId, entity } = job;
      const request = { environmentId, jobId, entity, csvHeader, outcomes, withRaw: as === 'input' };
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
    if (!(await writePart(res, pending)) || !(await writePart(res, format.write(page)))) return;
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
  write: (page) => page.map((result) => `${JSON.stringify(showResult(result))}\n`).join(''),
};

function showResult({ row, line, id, outcome, errors, erased }: RowResult): object {
  return { row, line, id, outcome, errors, ...(erased && { erased }) };
}

const CSV_COLUMNS = ['row', 'line', 'id', 'outcome', 'erased', 'error_codes', 'error_messages'];

const CSV: Format = {
  contentType: 'text/csv',
  extension: 'csv',
  head: writeCsv([CSV_COLUMNS]),
  write: (page) =>
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
};

/**
 * Text that a spreadsheet would take for a formula gets an apostrophe before it (OWASP, CSV injection). What other
 * spreadsheets would split into cells is quoted, so that no formula begins behind a semicolon.
 */
function writeCsv(records: unknown[][]): string {
  return stringify(records, { escape_formulas: true, quoted_match: /[;\t]/ });
}

/** Rows that were erased are gone. A CSV file keeps its header. */
function inputFormat(csvHeader: Buffer | null): Format {
  const lines = (rows: Buffer[]) => Buffer.concat(rows.flatMap((row) => [row, NEW_LINE]));
  return {
    contentType: csvHeader === null ? 'application/x-ndjson' : 'text/csv',
    extension: csvHeader === null ? 'ndjson' : 'csv',
    head: csvHeader === null ? '' : lines([csvHeader]),
    write: (page) => lines(page.flatMap(({ raw }) => (raw === null || raw.length === 0 ? [] : [raw]))),
  };
}

const NEW_LINE = Buffer.from('\n');
