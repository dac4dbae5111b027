/** The rows of a job with what became of them, page by page, so that memory stays flat however many there are. */
import type { Entity } from '#job/entity';
import type { ResultOutcome } from '#job/outcome';
import type { Queryable } from '#store/client';
import { type RowResult, readResults } from '#store/row-results';
import { createRowReader } from './read-csv-row';

/** Rows and bytes of a page. */
const PAGE_ROWS = 500;
const PAGE_BYTES = 1024 * 1024;

export interface ResultsRequest {
  environmentId: number;
  jobId: string;
  entity: Entity;
  csvHeader: Buffer | null;
  /** Only rows with one of these; undefined = all. */
  outcomes: readonly ResultOutcome[] | undefined;
  /** Whether the rows as they came are wanted. */
  withRaw: boolean;
}

/** Pages in the order of the rows; none is empty. */
export async function* listResults(db: Queryable, request: ResultsRequest): AsyncGenerator<RowResult[]> {
  const readRow = createRowReader(request);
  for (let after = 0; ; ) {
    const page = await readResults(db, { ...request, after, rows: PAGE_ROWS, bytes: PAGE_BYTES });
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.row;
    // Rows without an outcome have said nowhere yet whom they are about.
    yield page.map((result) =>
      result.outcome === 'unprocessed' && !result.erased && result.raw !== null
        ? { ...result, id: readRow(result.raw).id }
        : result,
    );
  }
}
