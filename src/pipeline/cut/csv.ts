/**
 * Cuts a delimited file into its records; the first one is the header.
 * It only looks for line ends outside quotes: whether a record is right is decided later, row by row. A quote opens only
 * as the first character of a cell and closes before the end of a cell; one that is followed by anything else is a fault
 * of its record and hides no line end.
 * Invariant: the rows depend on the bytes of the body alone, not on how they were cut into chunks.
 */
import { AppError, type ErrorCode } from '#errors';
import { splitRecord } from '#file/split-record';
import type { EmitRow, EmitTail, RowCutter } from './row-cutter';
import { UnfinishedRow } from './unfinished-row';

const CARRIAGE_RETURN = 0x0d;
const QUOTE = 0x22;
/** It is kept with the job and read for every slice. */
const MAX_HEADER_BYTES = 1024 * 1024;
/** The id and as many others as a row may have keys of metadata. */
const MAX_COLUMNS = 1_001;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

export interface CsvCutterOptions {
  /** Error of a header that cannot be kept. */
  missing: ErrorCode;
  /** One character of ASCII. */
  delimiter: string;
  lineEnd: '\n' | '\r';
  /** Whether the first line is Excel's `sep=;`. */
  hasSeparatorLine: boolean;
  /** What `line` counts: records where the lines are not those of the file, as of a sheet. */
  counts: 'lines' | 'records';
  /** A header line for a file that has none. */
  header?: Buffer | undefined;
}

/**
 * Creates a cutter for one body. Empty lines are no rows but count in `line`, which is the first line of a record. A byte
 * order mark at the start is dropped.
 * Its calls throw AppError `missing` when the header has too many columns or is larger than 1 MiB.
 */
export function createCsvCutter(options: CsvCutterOptions): RowCutter {
  return new CsvCutter(options);
}

/** Where in a cell the next byte is. */
const [CELL_START, IN_CELL, IN_QUOTES, AFTER_QUOTE] = [0, 1, 2, 3];

class CsvCutter implements RowCutter {
  header: Buffer | undefined;
  private readonly unfinished = new UnfinishedRow();
  private readonly delimiter: number;
  private readonly lineEnd: number;
  private place = CELL_START;
  private line = 1;
  private recordLine = 1;
  private records = 0;
  private isSeparatorLine: boolean;

  constructor(private readonly options: CsvCutterOptions) {
    this.delimiter = options.delimiter.charCodeAt(0);
    this.lineEnd = options.lineEnd.charCodeAt(0);
    this.isSeparatorLine = options.hasSeparatorLine;
    this.header = options.header;
  }

  get unfinishedBytes(): number {
    return this.unfinished.byteLength;
  }

  push(chunk: Buffer, emit: EmitRow, emitTail?: EmitTail): void {
    let start = 0;
    let quote = -1;
    for (let at = 0; at < chunk.length; ) {
      const found = chunk.indexOf(this.lineEnd, at);
      const end = found === -1 ? chunk.length : found;
      if (quote < at) quote = indexOrEnd(chunk, QUOTE, at);
      this.look(chunk, at, end, quote);
      if (found === -1) break;
      this.line += 1;
      at = found + 1;
      if (this.place === IN_QUOTES) continue;
      this.place = CELL_START;
      this.finishRecord(chunk.subarray(start, found), emit, emitTail);
      start = at;
    }
    if (start === chunk.length) return;
    this.unfinished.add(chunk.subarray(start));
    if (emitTail !== undefined) this.handOn(emit, emitTail);
  }

  end(emit: EmitRow, emitTail?: EmitTail): void {
    if (!this.unfinished.isEmpty) this.finishRecord(Buffer.alloc(0), emit, emitTail);
  }

  /** Follows the cells up to `end`. @param quote the place of the first quote from `start` on, or behind the chunk */
  private look(chunk: Buffer, start: number, end: number, quote: number): void {
    if (quote >= end && this.place !== AFTER_QUOTE) {
      if (this.place !== IN_QUOTES && end > start)
        this.place = chunk[end - 1] === this.delimiter ? CELL_START : IN_CELL;
      return;
    }
    let { place } = this;
    for (let at = start; at < end; at++) {
      const byte = chunk[at];
      if (place === IN_QUOTES) {
        if (byte === QUOTE) place = AFTER_QUOTE;
      } else if (byte === this.delimiter) place = CELL_START;
      else if (byte === QUOTE && place !== IN_CELL) place = IN_QUOTES;
      else place = IN_CELL;
    }
    this.place = place;
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
    this.records++;
    const line = this.options.counts === 'records' ? this.records : this.recordLine;
    const isFirst = this.recordLine === 1;
    this.recordLine = this.line;
    if (isLong) {
      emitTail?.(withoutReturn(whole));
      return;
    }
    const hasMark = isFirst && whole.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
    // Only a quote that is not closed takes the end of the last line with it.
    const record = whole.at(-1) === this.lineEnd ? whole.subarray(0, -1) : whole;
    const raw = withoutReturn(hasMark ? record.subarray(BYTE_ORDER_MARK.length) : record);
    if (this.isSeparatorLine) {
      this.isSeparatorLine = false;
      return;
    }
    if (raw.length === 0) return;
    if (this.header !== undefined) emit(raw, line);
    else this.header = this.readHeader(raw);
  }

  private readHeader(raw: Buffer): Buffer {
    const { missing, delimiter } = this.options;
    if (raw.length > MAX_HEADER_BYTES)
      throw new AppError(missing, { details: 'The header line is too large.' });
    const split = splitRecord(raw.toString('utf8'), delimiter);
    if ('fault' in split)
      throw new AppError(missing, {
        details: 'The header line has a quote that is not closed before the end of its cell.',
      });
    if (split.cells.length > MAX_COLUMNS) {
      throw new AppError(missing, {
        details: `The header line has ${split.cells.length} columns; at most ${MAX_COLUMNS} can be stored.`,
      });
    }
    return Buffer.from(raw);
  }
}

function withoutReturn(record: Buffer): Buffer {
  return record.at(-1) === CARRIAGE_RETURN ? record.subarray(0, -1) : record;
}

function indexOrEnd(chunk: Buffer, byte: number, from: number): number {
  const found = chunk.indexOf(byte, from);
  return found === -1 ? chunk.length : found;
}
