/**
 * Cuts NDJSON into its lines.
 * It handles bytes only and never decodes them: broken UTF-8 or JSON in a line is the error of that row, found later.
 * Invariant: the rows depend on the bytes of the body alone, not on how they were cut into chunks, and no more than
 * the current line is held.
 */
import type { EmitRow, EmitTail, RowCutter } from './row-cutter';
import { UnfinishedRow } from './unfinished-row';

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Creates a cutter for one NDJSON body. Only `\n` ends a line; a `\r` before it goes with it. Blank lines are no rows
 * but count in `line`. A byte order mark is dropped at the start of the body and nowhere else. Throws no AppError.
 */
export function createNdjsonCutter(): RowCutter {
  return new NdjsonCutter();
}

class NdjsonCutter implements RowCutter {
  private readonly unfinished = new UnfinishedRow();
  private line = 0;

  get unfinishedBytes(): number {
    return this.unfinished.byteLength;
  }

  push(chunk: Buffer, emit: EmitRow, emitTail?: EmitTail): void {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      this.finishLine(chunk.subarray(start, end), emit, emitTail);
      start = end + 1;
    }
    if (start === chunk.length) return;
    this.unfinished.add(chunk.subarray(start));
    if (emitTail !== undefined) this.handOn(emit, emitTail);
  }

  end(emit: EmitRow, emitTail?: EmitTail): void {
    if (!this.unfinished.isEmpty) this.finishLine(Buffer.alloc(0), emit, emitTail);
  }

  /** A blank line that is too long to be held counts as a row. */
  private handOn(emit: EmitRow, emitTail: EmitTail): void {
    const long = this.unfinished.takeLong();
    if (long === undefined) return;
    if (long.isFirst) emit(withoutByteOrderMark(long.piece, this.line + 1), this.line + 1);
    else emitTail(long.piece);
  }

  private finishLine(lastPiece: Buffer, emit: EmitRow, emitTail?: EmitTail): void {
    const { isLong } = this.unfinished;
    const whole = this.unfinished.finish(lastPiece);
    this.line += 1;
    const line = whole.at(-1) === CARRIAGE_RETURN ? whole.subarray(0, -1) : whole;
    if (isLong) {
      emitTail?.(line);
      return;
    }
    const raw = withoutByteOrderMark(line, this.line);
    if (!isBlank(raw)) emit(raw, this.line);
  }
}

function withoutByteOrderMark(bytes: Buffer, line: number): Buffer {
  const hasMark = line === 1 && bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
  return hasMark ? bytes.subarray(BYTE_ORDER_MARK.length) : bytes;
}

/** Whether there is nothing but JSON's white space: a line with a form feed, say, is a row that is no JSON. */
function isBlank(bytes: Buffer): boolean {
  for (const byte of bytes) {
    if (byte !== SPACE && byte !== TAB && byte !== CARRIAGE_RETURN) return false;
  }
  return true;
}
