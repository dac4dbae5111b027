/**
 * Cuts CSV (RFC 4180) into its records; the first one is the header.
 * It only looks for line ends outside quotes and for the columns of the header: whether a record is right is decided
 * later, row by row.
 * Invariant: the rows depend on the bytes of the body alone, not on how they were cut into chunks.
 */
import { AppError, type ErrorCode } from '#errors';
import { parseRecord } from '../csv-record';
import type { EmitRow, EmitTail, RowCutter } from './row-cutter';
import { UnfinishedRow } from './unfinished-row';

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const QUOTE = 0x22;
/** It is kept with the job and read for every slice. */
const MAX_HEADER_BYTES = 1024 * 1024;
/** The id and as many others as a row may have keys of metadata. */
const MAX_COLUMNS = 1_001;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

export interface CsvCutterOptions {
  /** Column that the header must have; null = none. */
  idColumn: string | null;
  /** Error when it does not. */
  missing: ErrorCode;
}

/**
 * Creates a cutter for one CSV body. `\n` or `\r\n` outside quotes ends a record; empty lines are no rows but count in
 * `line`, which is the first line of a record. A byte order mark at the start is dropped.
 * Its calls throw AppError `missing` when the header does not name the id's column, has too many columns or is
 * larger than 1 MiB.
 */
export function createCsvCutter(options: CsvCutterOptions): RowCutter {
  return new CsvCutter(options);
}

class CsvCutter implements RowCutter {
  header: Buffer | undefined;
  private readonly unfinished = new UnfinishedRow();
  private isQuoted = false;
  private line = 1;
  private recordLine = 1;

  constructor(private readonly options: CsvCutterOptions) {}

  get unfinishedBytes(): number {
    return this.unfinished.byteLength;
  }

  push(chunk: Buffer, emit: EmitRow, emitTail?: EmitTail): void {
    let start = 0;
    for (let at = 0; at < chunk.length; ) {
      const lineFeed = chunk.indexOf(LINE_FEED, at);
      const end = lineFeed === -1 ? chunk.length : lineFeed;
      // A quote within quotes is written twice, so only whether their number is odd matters.
      if (countQuotes(chunk, at, end) % 2 === 1) this.isQuoted = !this.isQuoted;
      if (lineFeed === -1) break;
      this.line += 1;
      at = lineFeed + 1;
      if (this.isQuoted) continue;
      this.finishRecord(chunk.subarray(start, lineFeed), emit, emitTail);
      start = at;
    }
    if (start === chunk.length) return;
    this.unfinished.add(chunk.subarray(start));
    if (emitTail !== undefined) this.handOn(emit, emitTail);
  }

  end(emit: EmitRow, emitTail?: EmitTail): void {
    if (!this.unfinished.isEmpty) this.finishRecord(Buffer.alloc(0), emit, emitTail);
  }

  private handOn(emit: EmitRow, emitTail: EmitTail): void {
    const long = this.unfinished.takeLong();
    if (long === undefined) return;
    if (!long.isFirst) emitTail(long.piece);
    else if (this.header !== undefined) emit(long.piece, this.recordLine);
    else this.header = this.readHeader(long.piece);
  }

  private finishRecord(lastPiece: Buffer, emit: EmitRow, emitTail?: EmitTail): void {
    const { isLong } = this.unfinished;
    const whole = this.unfinished.finish(lastPiece);
    const line = this.recordLine;
    this.recordLine = this.line;
    if (isLong) {
      emitTail?.(whole.at(-1) === CARRIAGE_RETURN ? whole.subarray(0, -1) : whole);
      return;
    }
    const isFirst = line === 1 && whole.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
    const end = whole.at(-1) === CARRIAGE_RETURN ? whole.length - 1 : whole.length;
    const raw = whole.subarray(isFirst ? BYTE_ORDER_MARK.length : 0, end);
    if (raw.length === 0) return;
    if (this.header !== undefined) emit(raw, line);
    else this.header = this.readHeader(raw);
  }

  private readHeader(raw: Buffer): Buffer {
    const { idColumn, missing } = this.options;
    if (raw.length > MAX_HEADER_BYTES)
      throw new AppError(missing, { details: 'The header line is too large.' });
    const columns = parseRecord(raw) ?? [];
    if (columns.length > MAX_COLUMNS) {
      throw new AppError(missing, {
        details: `The header line has ${columns.length} columns; at most ${MAX_COLUMNS} can be stored.`,
      });
    }
    if (idColumn !== null && !columns.includes(idColumn)) {
      throw new AppError(missing, {
        details: `The header line of the CSV must name the column ${idColumn}.`,
      });
    }
    return Buffer.from(raw);
  }
}

function countQuotes(bytes: Buffer, start: number, end: number): number {
  let quotes = 0;
  for (let at = bytes.indexOf(QUOTE, start); at !== -1 && at < end; at = bytes.indexOf(QUOTE, at + 1))
    quotes++;
  return quotes;
}
