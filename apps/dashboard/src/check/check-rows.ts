/** The service's own check of every row, before anything is sent. */
import { AppError, ERRORS } from '#errors';
import { ENTITIES } from '#job/entity';
import { tellFile, wordWarning } from '#job/observations';
import type { RowError } from '#job/outcome';
import { createRowTexts, isError, type RowTexts } from '#pipeline/create-row-reader';
import type { FileCutter } from '#pipeline/cut/cut-file';
import { type ReadRow, readRow, refusedRow } from '#pipeline/read-row';
import { SeenIds } from '#pipeline/seen-ids';
import {
  type CheckProgress,
  type CheckResult,
  type FileTask,
  MAX_ERRORS,
  MAX_LEFT_OUT_KEYS,
} from './messages';
import { cutterOf, ENTITY_OF, type FileRow, readRows } from './read-rows';

const MAX_PREVIEW_ROWS = 8;
/** Between two words about how far it is. */
const PROGRESS_MS = 120;
/** Rows by which it is told how the file is to be read. */
const SAMPLE_ROWS = 10_000;

/** @param tell how far it is, every now and then */
export async function checkRows(
  task: FileTask,
  tell: (progress: CheckProgress) => void,
): Promise<CheckResult> {
  const check = new Check(task);
  const { result } = check;
  const cutter = cutterOf(task);
  const waiting: FileRow[] = [];
  let toldMs = performance.now();
  try {
    for await (const chunk of readRows(task.file, cutter)) {
      result.bytes = chunk.bytes;
      if (!check.isBegun) {
        for (const row of chunk.rows) waiting.push(row);
        if (waiting.length < SAMPLE_ROWS) continue;
        check.begin(cutter);
        check.add(waiting.splice(0));
      } else check.add(chunk.rows);
      if (performance.now() - toldMs < PROGRESS_MS) continue;
      toldMs = performance.now();
      tell({ bytes: result.bytes, rows: result.rows, failedRows: result.failedRows });
    }
    if (!check.isBegun) check.begin(cutter);
    check.add(waiting);
    if (result.rows === 0) result.fault = ERRORS.empty_import[2];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    result.fault = `${error.message} ${error.details}`.trim();
  }
  check.end();
  return result;
}

class Check {
  readonly result: CheckResult = {
    ...{
      bytes: 0,
      rows: 0,
      failedRows: 0,
      errors: [],
      preview: [],
      fault: null,
      misfits: [],
      leftOut: [],
      found: [],
    },
  };
  private readonly ids = new SeenIds();
  private texts: RowTexts | undefined;

  constructor(private readonly task: FileTask) {}

  get isBegun(): boolean {
    return this.texts !== undefined;
  }

  /** @throws AppError when it cannot be told how the file is to be read */
  begin(cutter: FileCutter): void {
    // Without rows there is nothing to be told.
    const settled = cutter.settle();
    const csvHeader = cutter.header ?? null;
    this.texts = createRowTexts({ entity: this.entity, csvHeader, reading: settled.reading });
    this.result.found = settled.warnings.map(tellFile);
    const { ids, nullWords = [] } = settled;
    if (ids !== undefined) {
      const repeats = ids.cells - ids.distinct;
      this.result.found.push(
        `ID column: ${ids.name} (${ids.distinct} distinct values, ${repeats} repeated).`,
      );
    }
    if (nullWords.length > 0) {
      this.result.found.push(`Some cells are ${nullWords.join(', ')}. They are stored as text.`);
    }
  }

  add(rows: readonly FileRow[]): void {
    for (const row of rows) this.note(row, this.read(row));
  }

  end(): void {
    this.result.misfits = [...(this.texts?.misfits ?? [])];
    const { repeated, similar } = this.ids;
    const path = ENTITIES[this.entity].idKey;
    for (const [code, { ids, rows }] of [
      ['repeated_ids', repeated],
      ['similar_ids', similar],
    ] as const) {
      if (rows === 0) continue;
      const { message } = wordWarning({ code, path, type: String(ids), knownTypes: null, rows });
      this.result.found.push(`${message} (${rows} rows)`);
    }
  }

  private get entity() {
    return ENTITY_OF[this.task.kind];
  }

  private read({ raw, line }: FileRow): ReadRow {
    const text = this.texts?.write(raw, line) ?? raw;
    return isError(text) ? refusedRow(text) : readRow(text, this.entity, this.task.nested);
  }

  private note({ row, line }: FileRow, read: ReadRow): void {
    const { result } = this;
    const { id, companyId = null, errors, droppedKeys } = read;
    result.rows++;
    if (errors.length > 0) result.failedRows++;
    else {
      if (id !== null) this.ids.add(id, row);
      for (const key of droppedKeys) noteLeftOut(result, key);
    }
    const keep = (error: RowError) => result.errors.push({ row, line, id, ...error });
    errors.slice(0, MAX_ERRORS - result.errors.length).forEach(keep);
    if (result.preview.length >= MAX_PREVIEW_ROWS) return;
    result.preview.push({ row, id, companyId, metadata: errors.length > 0 ? '' : read.metadata, errors });
  }
}

function noteLeftOut({ leftOut }: CheckResult, key: string): void {
  const known = leftOut.find(([name]) => name === key);
  if (known !== undefined) known[1]++;
  else if (leftOut.length < MAX_LEFT_OUT_KEYS) leftOut.push([key, 1]);
}
