/** The service's own check of every row, before anything is sent. */
import { AppError, ERRORS } from '#errors';
import { type RowError, rowError } from '#job/outcome';
import { MappingError } from '#pipeline/map-columns';
import { type ReadRow, readRow, refusedRow } from '#pipeline/read-row';
import {
  type CheckProgress,
  type CheckResult,
  type FileTask,
  MAX_ERRORS,
  MAX_LEFT_OUT_KEYS,
} from './messages';
import { ENTITY_OF, type FileRow, readRows } from './read-rows';
import { RowTexts } from './row-texts';

const MAX_PREVIEW_ROWS = 8;
/** Between two words about how far it is. */
const PROGRESS_MS = 120;

/** @param tell how far it is, every now and then */
export async function checkRows(
  task: FileTask,
  tell: (progress: CheckProgress) => void,
): Promise<CheckResult> {
  const rows = readRows(task, task.kind);
  const texts = new RowTexts(task, rows);
  const result: CheckResult = {
    ...{ bytes: 0, rows: 0, failedRows: 0, errors: [], preview: [], fault: null, misfits: [], leftOut: [] },
  };
  let toldMs = performance.now();
  try {
    for await (const chunk of rows.chunks) {
      result.bytes = chunk.bytes;
      const all = texts.textsOf(chunk.rows);
      for (const [index, row] of chunk.rows.entries()) note(result, row, readOne(all[index], task));
      if (performance.now() - toldMs < PROGRESS_MS) continue;
      toldMs = performance.now();
      tell({ bytes: result.bytes, rows: result.rows, failedRows: result.failedRows });
    }
    if (result.rows === 0) result.fault = ERRORS.empty_import[2];
  } catch (error) {
    if (!(error instanceof AppError || error instanceof MappingError)) throw error;
    const details = error instanceof AppError ? error.details : '';
    result.fault = `${error.message} ${details}`.trim();
  }
  result.misfits = texts.misfits;
  return result;
}

function readOne(text: Buffer | undefined, { kind, nested }: FileTask): ReadRow {
  return text === undefined ? refusedRow(rowError('invalid_json')) : readRow(text, ENTITY_OF[kind], nested);
}

function note(result: CheckResult, { row, line }: FileRow, read: ReadRow): void {
  const { id, companyId = null, errors, droppedKeys } = read;
  result.rows++;
  if (errors.length > 0) result.failedRows++;
  else for (const key of droppedKeys) noteLeftOut(result, key);
  const keep = (error: RowError) => result.errors.push({ row, line, id, ...error });
  errors.slice(0, MAX_ERRORS - result.errors.length).forEach(keep);
  if (result.preview.length >= MAX_PREVIEW_ROWS) return;
  result.preview.push({ row, id, companyId, metadata: errors.length > 0 ? '' : read.metadata, errors });
}

function noteLeftOut({ leftOut }: CheckResult, key: string): void {
  const known = leftOut.find(([name]) => name === key);
  if (known !== undefined) known[1]++;
  else if (leftOut.length < MAX_LEFT_OUT_KEYS) leftOut.push([key, 1]);
}
