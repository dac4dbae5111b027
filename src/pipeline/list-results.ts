/**
 * The rows of a job with what became of them, page by page, so that memory stays flat however many there are. Rows of
 * those who were erased since keep their place and say nothing, whether they are scrubbed already or not.
 */
import type { Entity } from '#job/entity';
import type { ResultOutcome } from '#job/outcome';
import type { Reading } from '#job/reading';
import type { Queryable } from '#store/client';
import { findErasures } from '#store/erase';
import { type RowResult, readResults } from '#store/row-results';
import { readRowTail } from '#store/row-tails';
import { createRowReader, createRowTexts, type RowReader } from './create-row-reader';
import { ErasureFilter } from './erasure-filter';
import { quoteValues } from './quote-values';

/** Rows and bytes of a page. */
const PAGE_ROWS = 500;
const PAGE_BYTES = 1024 * 1024;

export interface ResultsRequest {
  environmentId: number;
  jobId: string;
  entity: Entity;
  csvHeader: Buffer | null;
  reading: Reading;
  /** Only rows with one of these; undefined = all. */
  outcomes: readonly ResultOutcome[] | undefined;
  /** Whether the rows as they came are wanted. */
  withRaw: boolean;
  /** Whether errors quote what they are about. */
  withValues?: boolean;
}

/** Pages in the order of the rows; none is empty. */
export async function* listResults(db: Queryable, request: ResultsRequest): AsyncGenerator<RowResult[]> {
  const readRow = createRowReader(request);
  const texts = request.withValues === true ? createRowTexts(request) : undefined;
  const quote = (result: RowResult) => {
    const { errors, raw, line } = result;
    if (texts === undefined || raw === null || errors.length === 0) return result;
    return { ...result, errors: quoteValues(errors, raw, line, texts.write) };
  };
  const erasures = new KnownErasures(db, request);
  let filter = await erasures.update();
  for (let after = 0; ; ) {
    const read = (withUnreadable: boolean) =>
      readResults(db, {
        ...request,
        withRaw: request.withRaw || request.withValues === true,
        after,
        rows: PAGE_ROWS,
        bytes: PAGE_BYTES,
        withUnreadable,
      });
    let page = await read(!filter.isEmpty);
    const before = filter;
    // Again behind the page: what was erased until here, and what was scrubbed since, is not shown.
    filter = await erasures.update();
    if (before.isEmpty && !filter.isEmpty) page = await read(true);
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.row;
    const shown: RowResult[] = [];
    for (const result of page)
      shown.push(
        quote(await show(result, readRow, filter, readRowTail(db, { ...request, row: result.row }))),
      );
    yield shown;
  }
}

async function show(
  result: RowResult,
  readRow: RowReader,
  filter: ErasureFilter,
  tail: AsyncIterable<Buffer>,
): Promise<RowResult> {
  const { outcome, raw, erased } = result;
  if (erased) return result;
  // Rows without an outcome have said nowhere yet whom they are about.
  const id = outcome === 'unprocessed' && raw !== null ? readRow(raw).id : result.id;
  if (!filter.isEmpty && (await filter.isErased(id, raw, tail)))
    return { ...result, id: null, errors: [], erased: true, raw: null };
  return { ...result, id };
}

/** The erasures that are about the job. One that was seen is not forgotten, so that it may be removed meanwhile. */
class KnownErasures {
  private known: Awaited<ReturnType<typeof findErasures>> = [];
  private filter: ErasureFilter;

  constructor(
    private readonly db: Queryable,
    private readonly request: ResultsRequest,
  ) {
    this.filter = new ErasureFilter([], request.entity);
  }

  /** Asks for those that are new. */
  async update(): Promise<ErasureFilter> {
    const { jobId: id, environmentId, entity } = this.request;
    const newer = await findErasures(this.db, { id, environmentId, entity }, this.filter.throughId);
    if (newer.length > 0) {
      this.known = [...this.known, ...newer];
      this.filter = new ErasureFilter(this.known, entity);
    }
    return this.filter;
  }
}
